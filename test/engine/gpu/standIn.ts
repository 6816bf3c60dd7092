// The stand-in OpenCL loader of standins/opencl.cpp, compiled once a process, and scripts run against it.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after } from "node:test";
import { root } from "../../root.js";

export const scratch = mkdtempSync(join(tmpdir(), "descent-stand-in-"));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** Programs compiled by one test serve the others. */
export const programs = join(scratch, "cache");
const library = join(scratch, "libstandin.so");
const engine = pathToFileURL(join(root, "dist/engine/index.mjs")).href;

/** Why nothing can be tested here; null: the stand-in is compiled and has a device behind it. */
export const missing: string | null = compile();

function compile(): string | null {
  const source = join(root, "test/engine/gpu/standins/opencl.cpp");
  const options = ["-std=c++17", "-O1", "-shared", "-fPIC", `-I${join(root, "native")}`];
  const compiled = spawnSync("g++", [...options, "-o", library, source, "-ldl"], { encoding: "utf8" });
  if (compiled.error !== undefined) return "no g++ to compile the stand-in with";
  if (compiled.status !== 0) throw new Error(compiled.stderr);
  const script = `import { devices } from "${engine}"; console.log(devices().some((d) => d.kind === "opencl" && d.usable));`;
  const probe = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    env: environmentFor({}),
  });
  return probe.stdout.trim() === "true" ? null : "no OpenCL device is installed";
}

/** What a process needs to use the stand-in. */
export function environmentFor(settings: Record<string, string>): NodeJS.ProcessEnv {
  return {
    ...process.env,
    DESCENT_OPENCL_LIBRARY: library,
    DESCENT_CUDA_LIBRARY: join(scratch, "none.so"),
    DESCENT_CACHE_DIR: programs,
    // It would run in the first process of a test alone, and the counts of calls would differ.
    DESCENT_GPU_SELF_TEST: "0",
    ...settings,
  };
}

export interface Ended {
  code: number | NodeJS.Signals;
  out: string;
  err: string;
  /** Calls of each function and, after "alive:", objects that were never released. */
  log: Map<string, number>;
}

let logs = 0;

/** Runs a module to its end; it finds the engine as "descent". */
export async function runScript(script: string, settings: Record<string, string> = {}): Promise<Ended> {
  const file = join(scratch, `log-${logs++}`);
  const text = script.replaceAll('"descent"', JSON.stringify(engine));
  const child = spawn(process.execPath, ["--input-type=module", "-e", text], {
    env: environmentFor({ STAND_IN_LOG: file, ...settings }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  const code = await new Promise<number | NodeJS.Signals>((resolve) => {
    child.on("close", (status, signal) => {
      resolve(status ?? signal!);
    });
  });
  return { code, out, err, log: readLog(file) };
}

function readLog(file: string): Map<string, number> {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // The loader was never opened.
  }
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])]));
}
