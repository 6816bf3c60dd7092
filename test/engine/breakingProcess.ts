// A real process that stops by itself, under Node's inspector with our library skipped as an editor's debugger skips it.

import { basename } from "node:path";
import type { BreakConditions } from "../../engine/breaks/conditions.js";
import { start, until, workspaceWith, type Started } from "./processes.js";
import { Inspector, type CallFrame } from "./stoppedProcess.js";

/** What a person sees at a stop. */
export interface Stop {
  /** The user's line that the editor shows, as text; and its number. */
  source: string;
  line: number;
  /** Of the frame that says why; the list of frames shows its name. */
  sentence: string;
  frame: string;
  what: string;
  op: string | null;
  created: boolean | null;
  /** The text of the line that the stop names: for a gradient the forward call. */
  named: string | null;
  inputs: number;
  outputs: number;
}

/** What the user skips: `<node_internals>` and dist/ but for the one file. */
const skipped = ["^node:.*", "/dist/(?!engine/breakpoint\\.mjs$).*"];

export interface Breaking extends Started {
  stops: Stop[];
  /** Ends when the process has. */
  exited: Promise<number | null>;
}

export interface BreakingOptions {
  /** null: none at launch. */
  breakWhen: Partial<BreakConditions> | null;
  env?: NodeJS.ProcessEnv;
  files?: Record<string, string>;
  /** Called at each stop, before the process goes on. */
  onStop?: (stop: Stop, started: Started) => Promise<void> | void;
}

/** Runs `script` to its end, going on at every stop, and gives the stops. */
export async function stopsOf(script: string, options: BreakingOptions): Promise<Stop[]> {
  const { breakWhen, env = {}, onStop } = options;
  const lines = script.split("\n");
  const launch = breakWhen === null ? {} : { DESCENT_BREAK_WHEN: JSON.stringify(breakWhen) };
  const started = start(workspaceWith({ "train.mjs": script, ...options.files }), "train.mjs", {
    env: { ...launch, ...env },
    nodeArguments: ["--inspect-brk=127.0.0.1:0"],
  });
  const url = await until("the inspector's address", () => {
    if (started.child.exitCode !== null) throw new Error(`the process ended: ${started.said.err}`);
    return /ws:\/\/\S+/.exec(started.said.err)?.[0];
  });
  const inspector = await Inspector.connect(url);
  const stops: Stop[] = [];
  /** By script: a frame names its script alone. */
  const files = new Map<string, string>();
  let isFirst = true;
  let failure: unknown = null;

  async function look(frames: CallFrame[]): Promise<void> {
    if (isFirst) {
      isFirst = false; // the script's first line
    } else {
      const [top] = frames;
      const read = async (expression: string): Promise<unknown> => {
        const params = { callFrameId: top!.callFrameId, expression, returnByValue: true };
        const { result } = (await inspector.send("Debugger.evaluateOnCallFrame", params)) as {
          result: { value?: unknown };
        };
        return result.value;
      };
      const user = frames.find(({ location }) => files.get(location.scriptId) === "train.mjs");
      const line = (user?.location.lineNumber ?? -1) + 1;
      const place = (await read("line")) as string | null;
      const stop: Stop = {
        ...{ line, source: lines[line - 1]?.trim() ?? "", frame: top!.functionName },
        sentence: (await read("sentence")) as string,
        what: (await read("what")) as string,
        op: (await read("op")) as string | null,
        created: (await read("created")) as boolean | null,
        named: place === null ? null : (lines[Number(/:(\d+):\d+$/.exec(place)?.[1]) - 1]?.trim() ?? place),
        inputs: (await read("inputs.length")) as number,
        outputs: (await read("outputs.length")) as number,
      };
      const file = files.get(top!.location.scriptId);
      if (file !== "breakpoint.mjs") throw new Error(`stopped in ${file}`);
      stops.push(stop);
      await onStop?.(stop, started);
    }
    await inspector.send("Debugger.resume");
  }
  inspector.onEvent = ({ method, params }) => {
    if (method === "Debugger.scriptParsed") files.set(params!.scriptId!, basename(params!.url!));
    if (method === "Debugger.paused") {
      look(params!.callFrames!).catch((error: unknown) => {
        failure ??= error;
        started.child.kill("SIGKILL");
      });
    }
  };
  await inspector.send("Runtime.enable");
  await inspector.send("Debugger.enable");
  await inspector.send("Debugger.setBlackboxPatterns", { patterns: skipped });
  await inspector.send("Runtime.runIfWaitingForDebugger");
  // The debugger's connection holds the process at its end.
  await until(
    "the end of the script",
    () =>
      started.said.err.includes("Waiting for the debugger to disconnect") ||
      started.child.exitCode !== null ||
      started.child.signalCode !== null ||
      undefined,
    20,
  );
  inspector.close();
  await started.ended;
  if (failure !== null) throw failure instanceof Error ? failure : new Error(JSON.stringify(failure));
  if (started.child.exitCode !== 0) throw new Error(`the script failed: ${started.said.err}`);
  return stops;
}
