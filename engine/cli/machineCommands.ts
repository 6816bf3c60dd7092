// `descent devices` and `descent doctor`: what this machine has, what is missing, and what to do about it.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import type { Given, OptionTable } from "./options.js";
import { expectPositionals } from "./options.js";
import { coloured, printJson, printTable } from "./print.js";
import { installationFolder, oldestNode } from "./runCommand.js";

export const machineOptions: OptionTable = { json: { kind: "flag", sentence: "machine-readable output" } };

export async function devicesCommand(given: Given): Promise<number> {
  expectPositionals(given, []);
  const { native } = await import("../native.js");
  const devices = native.devices();
  if (given.options["json"] !== undefined) {
    printJson(devices);
    return 0;
  }
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const rows = devices.map((device) => [
    device.name,
    device.description,
    device.backend,
    gibibytes(device.memoryBytes),
    device.usable
      ? coloured("usable", "green")
      : coloured(`not usable: ${device.reason ?? "no reason given"}`, "yellow"),
  ]);
  printTable(["device", "what it is", "backend", "memory", ""], rows, [3]);
  return 0;
}

interface Check {
  name: string;
  ok: boolean;
  /** Without it nothing runs. */
  required: boolean;
  detail: string;
  /** What to do; empty when all is well. */
  advice: string;
}

export async function doctorCommand(given: Given): Promise<number> {
  expectPositionals(given, []);
  const checks = [checkNode(), await checkAddon(), checkEsbuild(), checkCompiler(), checkEditor()];
  const isHealthy = checks.every((check) => check.ok || !check.required);
  if (given.options["json"] !== undefined) {
    printJson({ ok: isHealthy, installation: installationFolder(), checks });
    return isHealthy ? 0 : 1;
  }
  for (const { name, ok, required, detail, advice } of checks) {
    const mark = ok
      ? coloured("ok      ", "green")
      : required
        ? coloured("missing ", "red")
        : coloured("optional", "yellow");
    process.stdout.write(
      `${mark}  ${name.padEnd(12)}${detail}${advice === "" ? "" : `\n          ${" ".repeat(12)}${advice}`}\n`,
    );
  }
  process.stdout.write(isHealthy ? "Training runs on this machine.\n" : "Training does not run here yet.\n");
  return isHealthy ? 0 : 1;
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  const advice = ok ? "" : `Install Node.js ${oldestNode.join(".")} or later.`;
  return {
    name: "Node.js",
    ok,
    required: true,
    detail: `${process.versions.node}, ${process.execPath}`,
    advice,
  };
}

async function checkAddon(): Promise<Check> {
  const what = { name: "native part", required: true };
  try {
    const { native } = await import("../native.js");
    const detail = `loads; ${native.cpuCapability()} kernels on ${native.getNumThreads()} threads`;
    return { ...what, ok: true, detail, advice: "" };
  } catch (error) {
    const detail = `does not load: ${(error as Error).message.split("\n")[0]!}`;
    return {
      ...what,
      ok: false,
      detail,
      advice: "In the repository run 'npm run build'; an installed extension: reinstall it.",
    };
  }
}

function checkEsbuild(): Check {
  const what = { name: "TypeScript", required: true };
  try {
    const esbuild = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");
    const { code } = esbuild.transformSync("let x: number = 1", { loader: "ts" });
    return {
      ...what,
      ok: !code.includes(":"),
      detail: `translated by esbuild ${esbuild.version}`,
      advice: "",
    };
  } catch (error) {
    const detail = `esbuild does not work: ${(error as Error).message.split("\n")[0]!}`;
    return {
      ...what,
      ok: false,
      detail,
      advice: "Run 'npm install' in the repository, without --ignore-scripts.",
    };
  }
}

function checkCompiler(): Check {
  const compiler = firstOf(process.platform === "win32" ? ["cl"] : ["c++", "g++", "clang++"]);
  const missing = [
    ...(compiler === null ? ["a C++17 compiler"] : []),
    ...(process.platform === "win32" || firstOf(["make"]) !== null ? [] : ["make"]),
    ...(firstOf(["python3", "python"]) !== null ? [] : ["python3"]),
  ];
  const ok = missing.length === 0;
  const detail = ok ? (compiler ?? "") : `${missing.join(", ")} not found`;
  const advice = ok ? "" : "Needed only to build the native part from source.";
  return { name: "compiler", ok, required: false, detail, advice };
}

function checkEditor(): Check {
  const editor = firstOf(["code", "code-insiders", "codium", "code-server"]);
  const advice =
    editor === null
      ? "Needed for the dashboard; 'npm start' in the repository brings one in the browser."
      : "";
  return {
    name: "editor",
    ok: editor !== null,
    required: false,
    detail: editor ?? "no 'code' on the PATH",
    advice,
  };
}

/** The first of these programs that starts, with the first line it says of itself. */
function firstOf(programs: readonly string[]): string | null {
  for (const program of programs) {
    const shown = spawnSync(program, ["--version"], {
      encoding: "utf8",
      timeout: 5000,
      shell: process.platform === "win32",
    });
    if (shown.error === undefined && shown.status === 0) {
      return `${program}: ${`${shown.stdout}${shown.stderr}`.trim().split("\n")[0]!}`;
    }
  }
  return null;
}
