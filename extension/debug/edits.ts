// What is changed in js-debug's messages on their way to the editor. Nothing depends on it: an editor that takes no changes shows
// the menu entry by the variable's type, and puts the focus one frame higher.

/** The menu context of a variable that is a tensor. */
export const tensorMenuContext = "descentTensor";

/** Types of variables that the inspector can show, as a pattern. The bundler calls a class that names itself `_Tensor`. */
export const tensorType = "^_?(Tensor|Parameter)$";

/** How a tensor is described, of whatever class it is. */
const described = /^\w+\[[\d, ]*\] (float|bfloat|int|uint|bool)/;

export interface SentFrame {
  id?: unknown;
  name?: unknown;
  line?: unknown;
  presentationHint?: unknown;
  source?: { path?: unknown; presentationHint?: unknown };
}

/** Lets the editor offer 'Inspect Tensor' on the rows of tensors alone. Returns whether there is one. */
export function markTensors(variables: unknown): boolean {
  let found = false;
  for (const variable of list(variables)) {
    const { type, value } = variable;
    const isTensor = typeof type === "string" && new RegExp(tensorType).test(type);
    if (!isTensor && !(typeof value === "string" && described.test(value))) continue;
    found = true;
    variable["__vscodeVariableMenuContext"] ??= tensorMenuContext;
  }
  return found;
}

/** js-debug puts the whole description of a method's object before the method: "Net  101,770 params in 2 layers.forward". */
export function shortenNames(frames: unknown): void {
  for (const frame of list(frames) as SentFrame[]) {
    if (typeof frame.name === "string")
      frame.name = frame.name.replace(/^([\w$]+)(?:[[(]| {2}).*\.(?=[^.]+$)/, "$1.");
  }
}

/** Puts the focus on the user's line where the process stopped in our own file, above it. */
export function deemphasizeBreakpoint(frames: unknown): void {
  for (const frame of list(frames) as SentFrame[]) {
    if (!isBreakpointFile(frame.source?.path)) continue;
    frame.presentationHint = "subtle";
    frame.source!.presentationHint = "deemphasize";
  }
}

/** The one file of ours that is not skipped, as a debugger has to stop in it. */
export function isBreakpointFile(path: unknown): boolean {
  return typeof path === "string" && /[\\/]dist[\\/]engine[\\/]breakpoint\.mjs$/.test(path);
}

export function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value)
    ? value.filter((item): item is Record<string, unknown> => typeof item === "object" && item !== null)
    : [];
}
