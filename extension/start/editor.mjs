// VS Code in the browser (code-server), for people without a desktop VS Code and for the tests: installs and starts it.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { cacheFolder } from "./find.mjs";
import { SetupError, execute, step } from "./progress.mjs";

/** VS Code 1.139.1. It wants Node 24, which comes as an npm package where this Node is another. */
const version = "4.139.1";
const nodeMajor = 24;

/** Settings of a window that shows Descent and nothing else. */
export const quietSettings = {
  "chat.commandCenter.enabled": false,
  "chat.disableAIFeatures": true,
  "debug.toolBarLocation": "docked",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "files.hotExit": "off",
  "git.enabled": false,
  "git.openRepositoryInParentFolders": "never",
  "remote.autoForwardPorts": false,
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.welcomePage.experimentalOnboarding": false,
};

/** Where the editor is: `node` runs `entry`. The folder has its name only once it is complete. */
export function editorPaths() {
  const folder = join(cacheFolder(), `editor-${version}`);
  const isThisNode = Number(process.versions.node.split(".")[0]) === nodeMajor;
  const exe = process.platform === "win32" ? "node.exe" : "bin/node";
  return {
    folder,
    entry: join(folder, "node_modules/code-server/out/node/entry.js"),
    node: isThisNode ? process.execPath : join(folder, "node_modules", nodePackage(), exe),
  };
}

function nodePackage() {
  return `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
}

/** Installs the editor unless it is there. Returns editorPaths(). */
export async function ensureEditor() {
  const paths = editorPaths();
  if (existsSync(paths.entry) && existsSync(paths.node)) return paths;
  if (process.platform === "win32") {
    throw new SetupError(
      "VS Code in the browser is not made for Windows. Install VS Code, tick 'Add to PATH', then run this again.",
    );
  }
  const npm = "npm";
  const advice =
    "Check the connection to the npm registry and that python3, make and g++ are installed, then run this again.";
  const draft = `${paths.folder}.${process.pid}.part`;
  await step(
    `Installing VS Code for the browser (code-server ${version}; once, a minute or more)`,
    async () => {
      dropDrafts(dirname(paths.folder));
      mkdirSync(draft, { recursive: true });
      writeFileSync(join(draft, "package.json"), '{ "private": true }\n');
      const env = gypEnvironment();
      const install = (folder, args) =>
        execute(npm, [...args, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
          cwd: folder,
          env,
          advice,
        });
      // Its own install script downloads from elsewhere; what that script would do is done here by npm alone.
      await install(draft, ["install", `code-server@${version}`, `${nodePackage()}@${nodeMajor}`]);
      const vscode = join(draft, "node_modules/code-server/lib/vscode");
      await install(vscode, ["install", "--omit=dev"]);
      await install(join(vscode, "extensions"), ["install", "--omit=dev"]);
      const addons = ["@vscode/spdlog", "node-pty", "@parcel/watcher", "@vscode/native-watchdog"];
      await execute(npm, ["rebuild", ...addons, "--loglevel=error"], { cwd: vscode, env, advice });
      rmSync(paths.folder, { recursive: true, force: true });
      renameSync(draft, paths.folder);
    },
  );
  return paths;
}

/** What an interrupted installation left. */
function dropDrafts(folder) {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const match = /^editor-.*\.(\d+)\.part$/.exec(name);
    if (match && !isAlive(Number(match[1]))) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** node-gyp takes the headers of the running Node where it brings them, else it fetches them itself. */
function gypEnvironment() {
  const nodeRoot = dirname(dirname(process.execPath));
  return existsSync(join(nodeRoot, "include/node/node_api.h")) ? { npm_config_nodedir: nodeRoot } : {};
}

/**
 * Starts the editor on 127.0.0.1 at a free port, with user data of its own below `home`, and resolves once it answers.
 *
 * @param {object} options
 * @param {string} options.home Folder for user data and extensions.
 * @param {string} options.folder Folder that the page shows.
 * @param {string[]} [options.vsix] Extensions to install first.
 * @param {Record<string, unknown>} [options.settings] On top of quietSettings.
 * @param {unknown[]} [options.keybindings]
 * @param {number} [options.port]
 * @param {(text: string) => void} [options.log] Hears what the server prints.
 */
export async function startEditor({
  home,
  folder,
  vsix = [],
  settings = {},
  keybindings = [],
  port,
  log = () => {},
}) {
  const paths = editorPaths();
  const userData = join(home, "data");
  const extensions = join(home, "extensions");
  mkdirSync(join(userData, "User"), { recursive: true });
  mkdirSync(extensions, { recursive: true });
  writeFileSync(
    join(userData, "User/settings.json"),
    JSON.stringify({ ...quietSettings, ...settings }, null, 2),
  );
  if (keybindings.length > 0)
    writeFileSync(join(userData, "User/keybindings.json"), JSON.stringify(keybindings));
  const own = [
    "--user-data-dir",
    userData,
    "--extensions-dir",
    extensions,
    "--config",
    join(home, "config.yaml"),
  ];
  writeFileSync(join(home, "config.yaml"), "auth: none\n");
  const env = editorEnvironment();
  for (const file of vsix) {
    await execute(paths.node, [paths.entry, ...own, "--install-extension", file, "--force"], {
      env,
      advice: "The extension could not be installed: run 'npm run package' and try again.",
    });
  }
  const chosen = port ?? (await freePort());
  const child = spawn(
    paths.node,
    [
      paths.entry,
      ...own,
      ...["--auth", "none", "--bind-addr", `127.0.0.1:${chosen}`],
      ...[
        "--disable-workspace-trust",
        "--disable-telemetry",
        "--disable-update-check",
        "--disable-getting-started-override",
      ],
      folder,
    ],
    { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  let printed = "";
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      printed = (printed + text).slice(-4000);
      log(text);
    });
  }
  child.on("exit", () => (ended = true));
  for (const deadline = Date.now() + 60_000; ;) {
    if (ended)
      throw new SetupError(
        `${printed}\nThe editor ended at once. Run 'npm run setup -- --editor' and try again.`,
      );
    try {
      if ((await fetch(`http://127.0.0.1:${chosen}/healthz`)).ok) break;
    } catch {
      // not listening yet
    }
    if (Date.now() > deadline) throw new SetupError(`${printed}\nThe editor did not answer within a minute.`);
    await pause(100);
  }
  return {
    port: chosen,
    url: `http://localhost:${chosen}/?folder=${encodeURI(folder)}`,
    process: child,
    /** Resolves when somebody opens the page, or after `limit` milliseconds. */
    opened: async (limit) => {
      for (const deadline = Date.now() + limit; !ended && Date.now() < deadline; await pause(250)) {
        const health = await fetch(`http://127.0.0.1:${chosen}/healthz`).then((answer) => answer.json());
        if (health.lastHeartbeat > 0) return;
      }
    },
    /** Ends the server with everything it started in its process group. */
    stop: () => endGroup(child, () => ended),
  };
}

/** Without what a surrounding VS Code, npm or test runner would make the editor inherit. */
function editorEnvironment() {
  const env = { VSCODE_IPC_HOOK_CLI: undefined, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined };
  for (const name of Object.keys(process.env)) if (/^npm_/i.test(name)) env[name] = undefined;
  return env;
}

async function endGroup(child, hasEnded) {
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // all gone
    }
  };
  signal("SIGTERM");
  for (const deadline = Date.now() + 5000; !hasEnded() && Date.now() < deadline;) {
    await pause(50);
  }
  signal("SIGKILL");
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
