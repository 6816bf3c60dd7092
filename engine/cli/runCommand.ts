// `descent run`: starts a script under the import hook, passes signals on, and ends with its exit status.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { constants } from "node:os";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { environment, type LaunchOptions } from "../protocol.js";
import { UsageError, expectPositionals, type Given, type OptionTable } from "./options.js";

export const runOptions: OptionTable = {
  device: {
    kind: "value",
    placeholder: "DEVICE",
    sentence: "where tensors are made: cpu, gpu, cuda:0, opencl:0 (see 'descent devices')",
  },
  name: {
    kind: "value",
    placeholder: "NAME",
    sentence: "what the run is called; by default after the script",
  },
  workspace: {
    kind: "value",
    placeholder: "FOLDER",
    sentence: "the folder whose .descent/runs the run goes to",
  },
  "inspect-brk": {
    kind: "maybe",
    placeholder: "PORT",
    sentence: "wait for a debugger before the first line",
  },
};

/** Oldest Node that can run the engine. */
export const oldestNode = [20, 19] as const;

export async function runCommand(given: Given): Promise<number> {
  expectPositionals(given, ["The script to run"]);
  const script = resolve(given.positional[0]!);
  if (!existsSync(script) || !statSync(script).isFile())
    throw new UsageError(`There is no script ${script}.`);
  const { device, name, workspace, "inspect-brk": inspect } = given.options;
  await checkDevice(device);
  if (workspace !== undefined && !existsSync(workspace))
    throw new UsageError(`There is no folder ${workspace}.`);
  if (name?.trim() === "") throw new UsageError("--name may not be empty.");
  if (inspect !== undefined && inspect !== "" && !/^([\w.-]+:)?\d{1,5}$/.test(inspect)) {
    throw new UsageError(`--inspect-brk takes a port, not '${inspect}'.`);
  }

  const launch: LaunchOptions = {
    ...(name === undefined ? {} : { name }),
    ...(device === undefined ? {} : { device }),
    ...(workspace === undefined ? {} : { workspace: resolve(workspace) }),
  };
  const env: NodeJS.ProcessEnv = { ...process.env, [environment.launch]: JSON.stringify(launch) };
  Reflect.deleteProperty(env, environment.insideRun); // a run started from within a run is one of its own
  if (device !== undefined) env["DESCENT_DEVICE"] = device;
  const register = new URL("../runtime/register.mjs", import.meta.url).href;
  const flags = inspect === undefined ? [] : [`--inspect-brk${inspect === "" ? "" : `=${inspect}`}`];
  const child = spawn(findNode(), ["--import", register, ...flags, script, ...given.rest], {
    stdio: "inherit",
    env,
  });

  // The terminal sends Ctrl+C to both of us; the monitor takes two signals that close together for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      child.kill(signal);
    });
  }
  return new Promise((done, fail) => {
    child.on("error", (error) => {
      fail(new Error(`Node could not be started: ${error.message}.`));
    });
    child.on("exit", (code, signal) => {
      done(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

async function checkDevice(device: string | undefined): Promise<void> {
  if (device === undefined || device === "cpu") return;
  const { exampleNames, isDeviceName } = await import("../deviceNames.js");
  const isName: boolean = isDeviceName(device);
  if (!isName) throw new UsageError(`'${device}' is no device: say ${exampleNames()}.`);
  const { native } = await import("../native.js");
  const usable = native.devices().filter((found) => found.usable);
  const [kind, index = "0"] = device.split(":");
  const isThere = usable.some((found) =>
    kind === "gpu" ? found.kind !== "cpu" : found.kind === kind && found.index === Number(index),
  );
  if (isThere) return;
  const names = usable.map((found) => found.name).join(", ");
  throw new UsageError(
    `There is no usable device '${device}' here, there is ${names}; 'descent devices' says why.`,
  );
}

/** The Node this command runs in; inside an editor's own runtime, the one on the PATH. */
function findNode(): string {
  const isNode = process.versions["electron"] === undefined && /^node/i.test(basename(process.execPath));
  if (isNode) return process.execPath;
  const found = spawnSync("node", ["--version"], { encoding: "utf8" });
  if (found.error !== undefined) throw new Error("Node is not on the PATH: install Node.js 20 or later.");
  const [major = 0, minor = 0] = found.stdout.trim().slice(1).split(".").map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    throw new Error(
      `The Node on the PATH is ${found.stdout.trim()}: install ${oldestNode.join(".")} or later.`,
    );
  }
  return "node";
}

/** Where this program is installed, for messages. */
export function installationFolder(): string {
  return fileURLToPath(new URL("../..", import.meta.url));
}
