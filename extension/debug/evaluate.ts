// Asks a stopped process for a text, through the debugger's `evaluate`, and never waits for ever.

import type { DebugSession } from "vscode";

interface Options {
  /** Evaluates in this frame; without it, in the global scope. */
  frameId?: number;
  milliseconds: number;
}

/** What a process that cannot answer is said to do. */
export const silence = "The stopped process did not answer in time: it may be busy, or gone.";

/**
 * The string that a JavaScript expression gives.
 *
 * @throws Error with one sentence: what the expression threw, or that there was no answer.
 */
export async function evaluateText(
  session: DebugSession,
  expression: string,
  { frameId, milliseconds }: Options,
): Promise<string | null> {
  // Without a context up to 100,000 characters come back (a watch gives 1,000), and nothing is printed to the user's console.
  const answer = await within<unknown>(
    session.customRequest("evaluate", { expression, ...(frameId === undefined ? {} : { frameId }) }),
    milliseconds,
    silence,
  );
  return stringOf(answer);
}

/** `promise`, or after `milliseconds` an error that says `sentence`. What comes later is ignored. */
export async function within<T>(promise: PromiseLike<T>, milliseconds: number, sentence: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(sentence));
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The string in an answer to `evaluate`, which js-debug writes with quotes of its own choice; null for another value. */
export function stringOf(answer: unknown): string | null {
  const text = (answer as { result?: unknown } | undefined)?.result;
  if (typeof text !== "string" || text.length < 2) return null;
  const quote = text[0]!;
  if (!["'", '"', "`"].includes(quote) || text.at(-1) !== quote) return null;
  return text.slice(1, -1).replace(/\\([^])/g, "$1");
}
