// Begins the recording of this process: the run's folder, the monitor worker, the recorder, and the farewell at the end.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import { readBreakConditions } from "../breaks/conditions.js";
import { breaks } from "../breaks/slot.js";
import { observer } from "../observer.js";
import { environment, protocolVersion, type LaunchOptions, type RunRecord } from "../protocol.js";
import { processStart } from "../store/processes.js";
import { emptyProgress, writeRecord } from "../store/record.js";
import { checkedName, createRunFolder, workspaceOf } from "../store/runs.js";
import { outcomeOf } from "./ending.js";
import { engineFailureText, isSyntaxError, type UserCode } from "./failure.js";
import type { BreaksChanged, FromMonitor, MonitorData, Nudge, ToMonitor } from "./messages.js";
import { Recorder } from "./recorder.js";
import { control, createSharedMemory } from "./shared.js";
import { signalWorkerOptions, watchedSignals } from "./signals.js";
import { isStop } from "./stop.js";
import { Terminal, terminalMode } from "./terminal.js";

/** The root of this installation, from dist/runtime/register.mjs. */
const installation = fileURLToPath(new URL("../..", import.meta.url));

/** False in a child process of a run, and where there is no script to record. */
export function shouldRecord(): boolean {
  return process.env[environment.insideRun] === undefined && process.argv[1] !== undefined;
}

/** How long the process waits at its end for the worker to have written everything. */
const farewellMilliseconds = 3000;

export function startRun(): void {
  const launch = takeLaunchOptions();
  const script = resolvedScript(process.argv[1]!);
  const workspace = launch.workspace ?? workspaceOf(process.cwd());
  let folder: string;
  let record: RunRecord;
  try {
    record = newRecord(script, launch);
    folder = createRunFolder(workspace, record.id);
    writeRecord(folder, record);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `descent: this run is not recorded, because its folder could not be made: ${reason}\n`,
    );
    return;
  }
  process.env[environment.insideRun] = record.id;

  const memory = createSharedMemory();
  const flags = memory.control;
  const { port1, port2 } = new MessageChannel();
  const worker = startMonitor({ memory, port: port2, folder, record });
  const tell = (nudge: Nudge): void => {
    worker.postMessage(nudge);
  };
  worker.on("message", (message: FromMonitor) => {
    if (message.type === "exit") process.exit(flags[control.stopCode]);
    else passSignalsOn(tell);
  });
  worker.on("error", (error) => {
    process.stderr.write(`descent: recording ended early, training goes on: ${error.message}\n`);
  });
  worker.unref();
  port1.unref();

  const terminal = new Terminal(terminalMode());
  const recorder = new Recorder({
    id: record.id,
    dir: folder,
    memory,
    port: port1,
    onStep: (from, now) => {
      terminal.step(from.lastStep, now);
    },
    onPaused: (milliseconds) => {
      terminal.paused(milliseconds);
    },
  });
  observer.current = recorder;
  takeBreaks(launch, recorder, port1);
  noticeOwnHandlers(flags);

  const internal = ["dist/engine", "dist/runtime", "dist/cli", "engine"].map((name) =>
    join(installation, name),
  );
  const user: UserCode = { script, workspace, internal };
  let thrown: { value: unknown } | undefined;
  process.on("uncaughtExceptionMonitor", (value: unknown) => {
    terminal.clear();
    thrown = { value };
    if (isStop(value) && flags[control.stopAsked] === 1) process.exit(flags[control.stopCode]);
    if (process.listenerCount("uncaughtException") > 0) return;
    // Of a syntax error one sentence, without the lines of Node's loader; of the engine's errors the user's line, not the engine's.
    const text = isSyntaxError(value) ? `${value.stack ?? value.message}\n` : engineFailureText(value, user);
    if (text === null) return;
    process.stderr.write(text);
    process.exit(1);
  });
  process.on("exit", (code) => {
    // Node 20 sets its status 13 ("unsettled top-level await") in an exit listener of its own.
    const exitCode = code === 0 ? Number(process.exitCode ?? 0) : code;
    const stopAsked = flags[control.stopAsked] === 1;
    const outcome = outcomeOf(
      { exitCode, thrown, stopAsked, stopThrown: flags[control.stop] === 2 },
      recorder,
      user,
    );
    port1.postMessage({ type: "end", outcome } satisfies ToMonitor);
    tell({ type: "wake" });
    Atomics.wait(flags, control.done, 0, farewellMilliseconds);
    if (outcome.note !== null) terminal.line(`descent: ${outcome.note}`);
    if (recorder.steps > 0 && outcome.error === null)
      terminal.line(farewell(outcome.state, recorder.steps, record));
    else terminal.clear();
  });
}

/** What to stop at: from the launcher, and later from whoever asks the monitor. */
function takeBreaks({ breakWhen }: LaunchOptions, recorder: Recorder, port: MessagePort): void {
  const take = (value: unknown): void => {
    try {
      breaks.conditions = readBreakConditions(value);
    } catch (error) {
      process.stderr.write(`descent: ${(error as Error).message} Nothing is stopped at.\n`);
      return;
    }
    recorder.watchNumbers();
    breaks.apply?.();
  };
  const variable = process.env[environment.breakWhen];
  if (breakWhen !== undefined) take(breakWhen);
  else if (variable !== undefined && variable !== "") take(parsed(variable));
  breaks.fetch = () => {
    let newest: { message: BreaksChanged } | undefined;
    let received: typeof newest;
    while ((received = receiveMessageOnPort(port) as typeof newest) !== undefined) newest = received;
    if (newest !== undefined) take(newest.message.breakWhen);
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function startMonitor(workerData: MonitorData): Worker {
  const file = new URL("./monitor.mjs", import.meta.url);
  const options = { name: "descent monitor", workerData, transferList: [workerData.port] };
  try {
    return new Worker(file, { ...options, execArgv: signalWorkerOptions });
  } catch {
    return new Worker(file, { ...options, execArgv: [] }); // a Node that does not know these options
  }
}

function farewell(state: string, steps: number, { startTime, id }: RunRecord): string {
  const seconds = ((Date.now() - startTime) / 1000).toFixed(1);
  return `Run ${state} after ${steps} ${steps === 1 ? "step" : "steps"} in ${seconds} s: ${id}`;
}

/** The launcher's wishes; the variable is gone before any code of the user's runs. */
function takeLaunchOptions(): LaunchOptions {
  const text = process.env[environment.launch];
  Reflect.deleteProperty(process.env, environment.launch);
  const workspace = process.env[environment.workspace];
  const given = workspace === undefined || workspace === "" ? {} : { workspace };
  if (text === undefined) return given;
  try {
    return { ...given, ...(JSON.parse(text) as LaunchOptions) };
  } catch {
    process.stderr.write(`descent: ${environment.launch} is not JSON and is ignored.\n`);
    return given;
  }
}

function newRecord(script: string, launch: LaunchOptions): RunRecord {
  const name = basename(script, extname(script));
  const folderName = basename(dirname(script));
  // In an id "train" says nothing: the folder's name does.
  const telling = /^(train|main|index|run)$/.test(name) && folderName !== "" ? folderName : name;
  return {
    version: protocolVersion,
    id: launch.id !== undefined && /^\w[\w.-]{0,100}$/.test(launch.id) ? launch.id : newId(telling),
    name: launch.name === undefined ? basename(script) : checkedName(launch.name),
    script,
    args: process.argv.slice(2),
    cwd: process.cwd(),
    state: "starting",
    startTime: Date.now(),
    endTime: null,
    pid: process.pid,
    pidStart: processStart(process.pid),
    exitCode: null,
    error: null,
    note: null,
    progress: emptyProgress(),
    config: {},
    summary: {},
    device: launch.device ?? deviceAsked(),
    deviceDescription: null,
    socket: null,
    token: null,
    nodeVersion: process.versions.node,
    descentVersion: ownVersion(),
    findings: [],
    debugged: launch.breakWhen !== undefined,
  };
}

function deviceAsked(): string {
  const asked = process.env["DESCENT_DEVICE"];
  return asked === undefined || asked === "" ? "cpu" : asked;
}

/** 20261123-150102-digits-3f2a: sorts by time, says what it is, and is unique. */
function newId(name: string): string {
  const now = new Date();
  const two = (n: number): string => String(n).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  const word = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 24);
  return [date, time, word || "run", randomBytes(2).toString("hex")].join("-");
}

function ownVersion(): string {
  try {
    const text = readFileSync(join(installation, "package.json"), "utf8");
    return (JSON.parse(text) as { version?: string }).version ?? "";
  } catch {
    return "";
  }
}

/** `node train` runs train.js, and so on. */
function resolvedScript(argument: string): string {
  const found = ["", ".js", ".mjs", ".ts", "/index.js"]
    .map((ending) => argument + ending)
    .find((path) => existsSync(path));
  return found ?? argument;
}

/** A script that handles a signal itself is left to it. */
function noticeOwnHandlers(flags: Int32Array): void {
  const own: Partial<Record<string | symbol, number>> = {
    SIGINT: control.ownSigint,
    SIGTERM: control.ownSigterm,
  };
  process.on("newListener", (event: string | symbol) => {
    const flag = own[event];
    if (flag !== undefined && !passingSignalsOn) Atomics.store(flags, flag, 1);
  });
  process.on("removeListener", (event: string | symbol) => {
    const flag = own[event];
    if (flag !== undefined && process.listenerCount(event) === 0) Atomics.store(flags, flag, 0);
  });
}

let passingSignalsOn = false;

function passSignalsOn(tell: (nudge: Nudge) => void): void {
  passingSignalsOn = true;
  for (const name of watchedSignals) {
    process.on(name, () => {
      tell({ type: "signal", name });
    });
  }
  passingSignalsOn = false;
}
