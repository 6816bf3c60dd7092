// `descent devices` and `descent doctor`: what this machine has, what is missing, and what to do about it.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import type { NativeDevice } from "../native.js";
import type { Given, OptionTable } from "./options.js";
import { expectPositionals } from "./options.js";
import { coloured, formatBytes, printJson, printTable } from "./print.js";
import { installationFolder, oldestNode } from "./runCommand.js";

export const machineOptions: OptionTable = { json: { kind: "flag", sentence: "machine-readable output" } };

export async function devicesCommand(given: Given): Promise<number> {
  expectPositionals(given, []);
  const { native } = await import("../native.js");
  const { bestGpu } = await import("../deviceNames.js");
  const devices = native.devices();
  if (given.options["json"] !== undefined) {
    printJson(devices);
    return 0;
  }
  const rows = devices.map((device) => [
    device.name,
    device.description,
    device.backend,
    device.memoryBytes > 0 ? formatBytes(device.memoryBytes) : "",
    stateOf(device, devices),
  ]);
  printTable(["device", "what it is", "backend", "memory", ""], rows, [3]);
  const best = bestGpu(devices);
  process.stdout.write(
    best === null ? "'gpu' means nothing here: no GPU can be used.\n" : `'gpu' means ${best.name}.\n`,
  );
  return 0;
}

/** Whether it can be used, and what it can or why not. */
function stateOf(device: NativeDevice, all: readonly NativeDevice[]): string {
  if (!device.usable) return coloured(`not usable: ${device.reason ?? "no reason given"}`, "yellow");
  // NVIDIA's driver offers its cards through OpenCL too; what comes first knows a card best.
  const twin = all
    .slice(0, all.indexOf(device))
    .find((one) => one.usable && one.kind !== device.kind && one.description === device.description);
  const known = [
    ...(twin === undefined ? [] : [`the same card as ${twin.name}, which is faster`]),
    ...(device.kind !== "cpu" && device.isProcessor ? ["runs on the processor"] : []),
    ...(device.hasFloat64 ? [] : ["no float64"]),
    ...device.abilities,
  ];
  return [coloured("usable", "green"), ...known].join(", ");
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
  const checks = [
    checkNode(),
    await checkAddon(),
    await checkGpu(),
    checkEsbuild(),
    checkCompiler(),
    checkEditor(),
  ];
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
    const lines = `${detail}\n${advice}`.trim().split("\n");
    process.stdout.write(`${mark}  ${name.padEnd(12)}${lines.join(`\n${" ".repeat(22)}`)}\n`);
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

/** Which GPU is used, and what keeps others from it. */
async function checkGpu(): Promise<Check> {
  const what = { name: "GPU", required: false };
  try {
    const { native } = await import("../native.js");
    const { bestGpu } = await import("../deviceNames.js");
    const devices = native.devices();
    const best = bestGpu(devices);
    const reasons = devices
      .filter((device) => !device.usable)
      .map((device) => `${device.name}: ${device.reason ?? "no reason given"}`);
    const used =
      best === null
        ? "none can be used, training uses the CPU"
        : `${best.name}, ${best.description}, through ${best.backend}`;
    const advice = best === null ? "A GPU needs its vendor's driver: NVIDIA's, or one with OpenCL." : "";
    return { ...what, ok: best !== null, detail: [used, ...reasons].join("\n"), advice };
  } catch {
    return {
      ...what,
      ok: false,
      detail: "not known while the native part does not load",
      advice: "See the native part.",
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
