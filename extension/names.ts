// Names that both package.json and the code use: context keys, the view, the panel, the debug type.

/** Context keys that the extension sets. */
export const contextKeys = {
  /** The active editor shows a script that imports descent. */
  activeFileTrains: "descent.activeFileTrains",
  /** Some run is live. */
  hasLiveRuns: "descent.hasLiveRuns",
  /** There is a run at all. */
  hasRuns: "descent.hasRuns",
  /** A training stands in the debugger. */
  trainingStopped: "descent.trainingStopped",
} as const;

export const runsContainer = "descent";
export const runsView = "descent.runs";
/** In the debugger's side bar; and the menu context of its rows that are conditions. */
export const breakWhenView = "descent.breakWhen";
export const breakConditionRow = "breakCondition";
export const dashboardViewType = "descent.dashboard";
export const inspectorViewType = "descent.inspector";
export const debugType = "descent";

/** What a click on a row of the Runs view runs. */
export const openSelectedRunCommand = "descent._openSelectedRun";
