// Checks what a dashboard sends: a webview's messages are outside input. Anything of another shape is dropped.

import type { DashboardState, FromDashboard } from "../../webviews/protocol.js";

type Fields = Record<string, unknown>;

const actions = ["pause", "resume", "stepBatch", "stop", "kill", "rerun"] as const;

/** Limits that no real dashboard reaches. */
const mostTags = 20_000;
const mostBuckets = 20_000;
const longestText = 4096;

/** The message, rebuilt from its known fields; null when it is none. */
export function readMessage(message: unknown): FromDashboard | null {
  if (!isFields(message)) return null;
  switch (message["type"]) {
    case "ready":
    case "startTraining":
      return { type: message["type"] };
    case "view":
      return readView(message);
    case "control": {
      const action = actions.find((name) => name === message["action"]);
      return action ? { type: "control", action } : null;
    }
    case "open": {
      const { file, line, column } = message;
      return isText(file) && isCount(line) && isCount(column) ? { type: "open", file, line, column } : null;
    }
    case "state": {
      const state = readState(message["state"]);
      return state ? { type: "state", state } : null;
    }
    default:
      return null;
  }
}

function readView(message: Fields): FromDashboard | null {
  const { view, tags, from, to, buckets } = message;
  if (!isCount(view) || !isTexts(tags) || tags.length > mostTags || !isCount(buckets)) return null;
  if (!isStep(from) || !isStep(to)) return null;
  return { type: "view", view, tags, from, to, buckets: Math.min(Math.max(buckets, 1), mostBuckets) };
}

/** Also for a state read back from storage. */
export function readState(value: unknown): DashboardState | null {
  if (!isFields(value)) return null;
  const { smoothing, logScale, logX, xAxis, hidden, window, span, wide } = value;
  if (!isNumber(smoothing) || smoothing < 0 || smoothing >= 1) return null;
  if (!isFields(logScale) || !Object.values(logScale).every((flag) => typeof flag === "boolean")) return null;
  if (typeof logX !== "boolean" || !isTexts(hidden)) return null;
  if (xAxis !== "step" && xAxis !== "wall" && xAxis !== "relative") return null;
  return {
    smoothing,
    logScale: logScale as Record<string, boolean>,
    logX,
    xAxis,
    hidden,
    window: readWindow(window),
    span: isNumber(span) ? span : null,
    wide: isTexts(wide) ? wide : [],
  };
}

function readWindow(value: unknown): DashboardState["window"] {
  if (!isFields(value) || !isNumber(value["from"]) || !isNumber(value["to"])) return null;
  return { from: value["from"], to: value["to"] };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isCount(value: unknown): value is number {
  return isNumber(value) && Number.isInteger(value) && value >= 0;
}

function isStep(value: unknown): value is number | null {
  return value === null || isNumber(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= longestText;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}
