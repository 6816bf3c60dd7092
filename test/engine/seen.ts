// Values as a debugger sees them: described and unfolded by Node's inspector, with side effects forbidden.

import assert from "node:assert/strict";
import { Session, type Runtime } from "node:inspector";
import { after, before } from "node:test";
import type { DebugBridge } from "../../engine/inspection.js";

const shared = globalThis as unknown as Record<string | symbol, unknown>;
const bridge = shared[Symbol.for("descent.debug")] as DebugBridge;
export const key = {
  description: Symbol.for("debug.description"),
  properties: Symbol.for("debug.properties"),
};

interface Stopped {
  stop: number;
  described: number;
  left: number;
  milliseconds: number;
  faults: { op: string; message: string }[];
  problem?: string;
}
export const stopped = (): Stopped => JSON.parse(bridge.stopped()) as Stopped;

const session = new Session();
before(() => {
  session.connect();
});
after(() => {
  session.disconnect();
});

/** The value of an expression over `it`, with side effects forbidden; the exception's text where it throws. */
export async function seen<T = string>(value: unknown, expression: string): Promise<T> {
  shared["described"] = value;
  shared["keys"] = key;
  const { result, exceptionDetails } = await new Promise<Runtime.EvaluateReturnType>((resolve, reject) => {
    const asked = { expression, throwOnSideEffect: true, returnByValue: true };
    session.post("Runtime.evaluate", asked, (error, answer) => {
      if (error === null) resolve(answer as Runtime.EvaluateReturnType);
      else reject(error);
    });
  });
  assert.equal(exceptionDetails, undefined, `${expression}: ${JSON.stringify(exceptionDetails?.exception)}`);
  return result.value as T;
}
export const description = (value: unknown): Promise<string> => seen(value, "described[keys.description]()");
