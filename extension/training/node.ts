// Which Node.js runs training: the setting, else `node` on the PATH, else the one the extension host itself runs on.

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

export const oldestNode = [20, 19] as const;
const oldest = oldestNode.join(".");

export interface NodeChoice {
  path: string;
  version: string;
}

/** What the choice depends on, so that tests can do without real programs. */
export interface NodeSurroundings {
  /** Prints the version, "v20.20.0"; rejects when the file cannot be run. */
  version(path: string): Promise<string>;
  exists(path: string): Promise<boolean>;
  env: Record<string, string | undefined>;
  platform: string;
  /** The extension host: its program and version, null for a Node.js inside Electron, which native addons cannot use fully. */
  own: NodeChoice | null;
}

/** Carries the one sentence to show. */
export class NodeNotFound extends Error {}

/** The Node.js to use; throws NodeNotFound with a sentence that says what was tried. */
export async function chooseNode(setting: string, around: NodeSurroundings): Promise<NodeChoice> {
  if (setting.trim() !== "") return fromSetting(setting.trim(), around);
  const onPath = await findOnPath(around);
  const found = onPath === null ? null : await around.version(onPath).catch(() => null);
  if (onPath !== null && found !== null && isNewEnough(found)) return { path: onPath, version: found };
  if (around.own && isNewEnough(around.own.version)) return around.own;
  throw new NodeNotFound(
    found === null
      ? `Training needs Node.js ${oldest} or later, and there is no 'node' on the PATH: install it, or set descent.nodePath.`
      : `Training needs Node.js ${oldest} or later, and 'node' on the PATH is ${found}: update it, or set descent.nodePath.`,
  );
}

/** From this version on a debugger's messages to worker threads may hold letters beyond ASCII; Node.js 20 drops them, and the start hangs. */
const oldestForAnyPath = [22, 15] as const;

/** The Node.js to debug a script with whose breakpoints have these paths: `chosen`, or the extension host's own where `chosen` cannot. */
export function nodeToDebug(
  chosen: NodeChoice,
  paths: readonly string[],
  own: NodeChoice | null,
): NodeChoice {
  const odd = paths.find((path) => /[^ -~]/.test(path));
  if (odd === undefined || isAtLeast(chosen.version, oldestForAnyPath)) return chosen;
  if (own !== null && isAtLeast(own.version, oldestForAnyPath)) return own;
  throw new NodeNotFound(
    `Node.js ${chosen.version} cannot be debugged in '${odd}', because the path has letters beyond ASCII: set descent.nodePath to Node.js ` +
      `${oldestForAnyPath.join(".")} or later, or move the folder. Running without the debugger works.`,
  );
}

async function fromSetting(path: string, around: NodeSurroundings): Promise<NodeChoice> {
  if (!isAbsolute(path)) {
    throw new NodeNotFound(`The setting descent.nodePath must be an absolute path, and '${path}' is not.`);
  }
  const version = await around.version(path).catch(() => null);
  if (version === null) {
    throw new NodeNotFound(
      `The setting descent.nodePath names '${path}', which is not a Node.js that can be run.`,
    );
  }
  if (!isNewEnough(version)) {
    throw new NodeNotFound(
      `The setting descent.nodePath names Node.js ${version}, and training needs ${oldest} or later.`,
    );
  }
  return { path, version };
}

export function isNewEnough(version: string): boolean {
  return isAtLeast(version, oldestNode);
}

function isAtLeast(version: string, oldest: readonly [number, number]): boolean {
  const match = /^v?(\d+)\.(\d+)\./.exec(version);
  if (!match) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

async function findOnPath(around: NodeSurroundings): Promise<string | null> {
  const windows = around.platform === "win32";
  const path = around.env["PATH"] ?? around.env["Path"] ?? "";
  for (const folder of path.split(windows ? ";" : delimiter)) {
    if (folder === "" || !isAbsolute(folder)) continue;
    const candidate = join(folder, windows ? "node.exe" : "node");
    if (await around.exists(candidate)) return candidate;
  }
  return null;
}

/** The real surroundings of this process. Versions are remembered: a program is asked once. */
export function realSurroundings(): NodeSurroundings {
  const known = new Map<string, string>();
  return {
    async version(path) {
      const remembered = known.get(path);
      if (remembered !== undefined) return remembered;
      const text = await new Promise<string>((resolve, reject) => {
        execFile(path, ["--version"], { timeout: 10_000 }, (error, stdout) => {
          if (error) reject(new Error(`${path} cannot be run`, { cause: error }));
          else resolve(stdout.trim());
        });
      });
      if (!/^v\d+\.\d+\.\d+/.test(text)) throw new Error(`${path} is not Node.js`);
      known.set(path, text);
      return text;
    },
    exists: (path) =>
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
    env: process.env,
    platform: process.platform,
    own:
      process.versions["electron"] === undefined
        ? { path: process.execPath, version: process.version }
        : null,
  };
}
