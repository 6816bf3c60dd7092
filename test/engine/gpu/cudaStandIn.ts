// The stand-in CUDA driver of standins/cuda.cpp with modules made without a CUDA compiler, and processes that use them.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";
import { root } from "../../root.js";

const scratch = mkdtempSync(join(tmpdir(), "descent-cuda-"));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});
const library = join(scratch, "libcuda.so");
const modules = join(scratch, "modules");
const engine = pathToFileURL(join(root, "dist/engine/index.mjs")).href;

/** Compiles the stand-in and makes its modules; why it cannot be: null where all is well. */
export function prepare(): string | null {
  if (existsSync(library)) return null;
  const compiled = spawnSync(
    "g++",
    [
      ...["-std=c++17", "-O1", "-shared", "-fPIC", `-I${join(root, "native")}`],
      ...["-o", library, join(root, "test/engine/gpu/standins/cuda.cpp")],
    ],
    { encoding: "utf8" },
  );
  if (compiled.error !== undefined) return "no g++ to compile the stand-in with";
  if (compiled.status !== 0) throw new Error(compiled.stderr);
  const made = spawnSync(process.execPath, [join(root, "test/engine/gpu/standins/modules.mjs"), modules], {
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(`${made.stdout}${made.stderr}`);
  return null;
}

export interface Ended {
  code: number | NodeJS.Signals;
  out: string;
  err: string;
  /** Calls of each function; after "alive:" what was never given back; "all" calls and "complaints". */
  log: Map<string, number>;
}

let logs = 0;

/** Runs Node.js to its end with the stand-in as the CUDA driver, and without OpenCL. */
export async function runNode(args: string[], settings: Record<string, string> = {}): Promise<Ended> {
  const file = join(scratch, `log-${logs++}`);
  const child = spawn(process.execPath, args, {
    env: {
      ...process.env,
      DESCENT_CUDA_LIBRARY: library,
      DESCENT_CUDA_MODULES: modules,
      DESCENT_OPENCL_LIBRARY: join(scratch, "none.so"),
      DESCENT_NVRTC_LIBRARY: join(scratch, "none.so"),
      DESCENT_NVML_LIBRARY: join(scratch, "none.so"),
      DESCENT_CUBLASLT_LIBRARY: join(scratch, "none.so"),
      // Kernels do nothing here, which the comparison with the CPU would find.
      DESCENT_GPU_SELF_TEST: "0",
      STAND_IN_LOG: file,
      ...settings,
    },
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
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  const log = new Map(lines.map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])]));
  return { code, out, err, log };
}

/** Runs a module that finds the engine as "descent". */
export function runScript(script: string, settings: Record<string, string> = {}): Promise<Ended> {
  const text = script.replaceAll('"descent"', JSON.stringify(engine));
  return runNode(["--input-type=module", "-e", text], settings);
}
