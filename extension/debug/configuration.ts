// How a `descent` launch configuration becomes one of js-debug's: a Node.js launch with the import hook.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BreakConditions } from "../../engine/breaks/conditions.js";
import { environment, type LaunchOptions } from "../../engine/protocol.js";

/** Key on the root session's configuration by which the sessions of a training are told from all others. */
export const marker = "__descent";

/** A launch configuration, as users write it and as js-debug takes it. */
export interface LaunchConfiguration {
  type: string;
  request: string;
  name: string;
  [key: string]: unknown;
}

export interface Surroundings {
  /** Node.js to run; an explicit `runtimeExecutable` wins. */
  node: string;
  /** The import hook, and the folder of everything of ours that runs inside the process. */
  register: string;
  dist: string;
  /** Where the script runs unless the configuration says so. */
  cwd: string;
  /** The folder that its run is recorded below. */
  workspace: string;
  /** What to stop at from the first operation on. */
  breakWhen: BreakConditions;
  /** The device of the settings; empty: the script decides. */
  device: string;
}

/** `config.program` must be there. Everything the user wrote and js-debug knows is kept. */
export function toNodeConfiguration(config: LaunchConfiguration, around: Surroundings): LaunchConfiguration {
  const { device: ownDevice, ...rest } = config;
  const device = typeof ownDevice === "string" && ownDevice !== "" ? ownDevice : around.device;
  const { workspace, breakWhen } = around;
  const launch: LaunchOptions = { workspace, breakWhen, ...(device === "" ? {} : { device }) };
  return {
    console: "integratedTerminal",
    killBehavior: "polite", // 'Stop' lets `finally` blocks and the last flush run
    cwd: around.cwd,
    runtimeExecutable: around.node,
    resolveSourceMapLocations: ["**", "!**/node_modules/**"],
    ...rest,
    type: "pwa-node",
    request: "launch",
    name: config.name,
    runtimeArgs: ["--import", pathToFileURL(around.register).href, ...strings(config["runtimeArgs"])],
    env: { [environment.launch]: JSON.stringify(launch), ...record(config["env"]) },
    // Our own library, not the user's code: stepping and 'caught exceptions' pass over it. A `debugger;` in a file that is skipped is
    // passed over too, so the one file that stops the process is not.
    skipFiles: [
      "<node_internals>/**",
      join(around.dist, "**"),
      "!**/dist/engine/breakpoint.mjs",
      ...strings(config["skipFiles"]),
    ],
    [marker]: { program: config["program"] },
  };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
