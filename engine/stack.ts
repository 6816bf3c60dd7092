// The JavaScript stack, as far as it is the user's: which frame a call came from, and errors that begin there.

/** A place in a source file, lines and columns from 1. */
export interface Frame {
  /** A path or URL, as the running code has it: before source maps. */
  file: string;
  line: number;
  column: number;
  /** The function it stands in; null at the top of a module. */
  name: string | null;
}

/** This bundle: the whole engine is one file. */
const own = import.meta.url;
const isOurs = new Map<string, boolean>();

function isInternal(file: string): boolean {
  let known = isOurs.get(file);
  if (known === undefined) {
    known = file === own || file.startsWith("node:") || /[\\/]dist[\\/](engine|runtime|cli)[\\/]/.test(file);
    isOurs.set(file, known);
  }
  return known;
}

/** The first frame that is the user's; null where there is none. */
function userFrameOf(frames: NodeJS.CallSite[]): NodeJS.CallSite | null {
  for (const frame of frames) {
    const file = frame.getFileName() as string | null | undefined;
    if (file !== null && file !== undefined && !isInternal(file)) return frame;
  }
  return null;
}

/** What is asked of the frames of this call, `depth` of them at most. */
function withFrames<T>(depth: number, read: (frames: NodeJS.CallSite[]) => T): T {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- put back below, never called
  const { stackTraceLimit, prepareStackTrace } = Error;
  const holder: { stack?: T } = {};
  Error.stackTraceLimit = depth;
  Error.prepareStackTrace = (_, frames) => read(frames);
  try {
    Error.captureStackTrace(holder, withFrames);
    return holder.stack!; // read at once: frames hold receivers alive, and tensors with them
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace!;
  }
}

/** Frames looked at first: reading each costs, and most calls are few frames away from the user's line. */
const near = 10;
const far = 100;

/** The number that `numberOf` gives the user's frame; 0 where there is none. `position` tells places of one file apart. */
export function readUserFrame(
  numberOf: (file: string, position: number, frame: () => Frame) => number,
): number {
  const read = (frames: NodeJS.CallSite[]): number => {
    const found = userFrameOf(frames);
    if (found === null) return frames.length < near ? 0 : -1;
    const file = found.getFileName()!;
    return numberOf(file, (found as NodeJS.CallSite & { getPosition(): number }).getPosition(), () => ({
      file,
      line: found.getLineNumber() ?? 1,
      column: found.getColumnNumber() ?? 1,
      name: found.getFunctionName(),
    }));
  };
  const number = withFrames(near, read);
  return number >= 0 ? number : Math.max(0, withFrames(far, read));
}

/** Lets the stack of a new error begin at the user's line: what lies above it is ours. */
export function beginAtUser(error: Error): void {
  const limit = Error.stackTraceLimit;
  if (!(limit > 0)) return;
  const ours = withFrames(far, (frames) => {
    const found = userFrameOf(frames);
    return found === null ? 0 : frames.indexOf(found);
  });
  if (ours === 0) return;
  Error.stackTraceLimit = limit + ours;
  Error.captureStackTrace(error, beginAtUser);
  Error.stackTraceLimit = limit;
  const text: unknown = error.stack; // a program may have its own way to write stacks
  if (typeof text !== "string") return;
  const heading = `${error.name}: ${error.message}`;
  if (!text.startsWith(heading)) return;
  const lines = text.slice(heading.length + 1).split("\n");
  // withFrames stands one frame above beginAtUser's caller, in both.
  error.stack = [heading, ...lines.slice(ours - 1, ours - 1 + limit)].join("\n");
}
