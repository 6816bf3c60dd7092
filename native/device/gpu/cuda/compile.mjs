// Makes the CUDA modules beside the addon: every kernel source once for each of its variants, as PTX of a version so low that
// old drivers take it. `node native/device/gpu/cuda/compile.mjs [NAME...]`; part of `node esbuild.mjs native`.
//
// nvcc does it, or clang where it finds a CUDA SDK's libdevice (exp, sin and the like). Without either nothing is made: NVIDIA
// cards are then used through NVRTC or OpenCL. DESCENT_CUDA_COMPILER names another compiler, or none at all ("none").

import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, setPriority, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder, findProgram } from "../../../../extension/start/find.mjs";
import { deviceSide, dialect, kernelSources } from "../embed.mjs";
import { pack } from "./pack.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const output = join(folder, "../../../../dist/native/gpu");
const cache = join(cacheFolder(), "cuda");
/** Lanes of every group, as lanesFor() in gpu/device.cpp has it for a GPU. */
const lanes = 256;
/** The oldest cards that nvcc 13 knows, and with each target the lowest PTX that knows it. */
const usualTarget = "sm_75";
const firstVersion = { sm_75: 6.3, sm_80: 7.0, sm_86: 7.1, sm_89: 7.8, sm_90: 7.8, sm_90a: 8.0 };
const versions = [
  6.3, 6.4, 6.5, 7.0, 7.1, 7.2, 7.3, 7.4, 7.5, 7.6, 7.7, 7.8, 8.0, 8.1, 8.2, 8.3, 8.4, 8.5, 8.6, 8.7, 8.8,
  9.0,
];

/** Brings the modules up to date; says in one line what there is. Throws where a source does not compile. */
export async function compileModules(names = []) {
  mkdirSync(output, { recursive: true });
  const { compiler, reason } = findCompiler();
  if (!compiler) {
    for (const file of modulesThere()) rmSync(join(output, file));
    console.log(`No CUDA modules: ${reason}. NVIDIA cards are used through NVRTC or OpenCL.`);
    return;
  }
  mkdirSync(cache, { recursive: true });
  const all = cudaSources();
  const wanted = all.filter(({ name }) => names.length === 0 || names.includes(name));
  const begun = performance.now();
  let compiled = 0;
  const failures = [];
  const queue = wanted.sort((a, b) => b.text.length - a.text.length);
  const worker = async () => {
    for (let source = queue.shift(); source; source = queue.shift()) {
      try {
        if (await provide(source, compiler)) compiled++;
      } catch (error) {
        failures.push(`${source.file} does not compile as CUDA:\n${errorLines(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  if (failures.length > 0) {
    throw new Error(`${failures.join("\n")}\nDESCENT_CUDA_COMPILER=none builds without CUDA modules.`);
  }
  for (const file of modulesThere()) {
    if (!all.some(({ name }) => file === `${name}.cuda`)) rmSync(join(output, file));
  }
  const files = modulesThere();
  const bytes = files.reduce((sum, file) => sum + statSync(join(output, file)).size, 0);
  const took =
    compiled > 0 ? `; ${compiled} compiled in ${((performance.now() - begun) / 1000).toFixed(0)} s` : "";
  console.log(
    `CUDA modules: ${files.length}, ${(bytes / 1e6).toFixed(1)} MB (${compiler.description}${took})`,
  );
}

function modulesThere() {
  return readdirSync(output).filter((file) => file.endsWith(".cuda"));
}

/** Every source that CUDA compiles: name, file, the text of the whole module, its target. */
export function cudaSources() {
  const own = readdirSync(folder)
    .filter((file) => file.endsWith(".cu"))
    .map((file) => ({
      name: file.slice(0, -".cu".length),
      file: `cuda/${file}`,
      text: readFileSync(join(folder, file), "utf8"),
    }));
  const shared = kernelSources()
    .filter(({ text }) => text.includes("#ifdef DESCENT_DIALECT"))
    .map(({ name, text }) => ({ name, file: `kernels/${name}.cpp`, text: text }));
  return [...shared, ...own].map(({ name, file, text }) => ({
    name,
    file: `native/device/gpu/${file}`,
    target: /^\/\/ TARGET (\w+)/m.exec(text)?.[1] ?? usualTarget,
    text: moduleText(text, `native/device/gpu/${file}`),
  }));
}

/** The choices of types of a source: [[["TYPE", "f32"], ["INDEX", "i32"]], ...] */
export function variantsOf(text) {
  const lines = [...text.matchAll(/^\/\/ VARIANTS (.*)$/gm)].map((found) => found[1]);
  if (lines.length === 0) return [[]];
  return lines.flatMap((line) =>
    line.split(";").reduce(
      (choices, part) => {
        const [name, values] = part.split(":").map((word) => word.trim());
        return choices.flatMap((choice) => values.split(/\s+/).map((value) => [...choice, [name, value]]));
      },
      [[]],
    ),
  );
}

/** A source once for each variant, each in a namespace of its own; a kernel's name has its variant's behind it. */
function moduleText(text, file) {
  const language = readFileSync(join(folder, "language.h"), "utf8");
  const [base, typed] = dialect().map((part) => part.text);
  const systemIncludes = text.match(/^#include <.*>$/gm) ?? [];
  const body = deviceSide(text)
    .replaceAll(/^#include <.*>$/gm, "")
    .replaceAll(/^#include "(.*\.def)"$/gm, (_, path) =>
      readFileSync(join(folder, "../kernels", path), "utf8"),
    );
  const macros = [...`${typed}\n${body}`.matchAll(/^\s*#\s*define\s+(\w+)/gm)].map((found) => found[1]);
  const variants = variantsOf(text);
  const chosen = variants.flatMap((variant) => variant.map(([name]) => name));
  const forget = [...new Set([...macros, ...chosen, "VARIANT"])].map((name) => `#undef ${name}`).join("\n");
  const parts = variants.map((variant) => {
    const suffix = variant.map(([, value]) => value).join("_");
    const definitions = [...variant, ["VARIANT", suffix]].map(([name, value]) => `#define ${name} ${value}`);
    const hasType = variant.some(([name]) => name === "TYPE");
    return [
      `namespace in_${variant.map(([name, value]) => `${name}_${value}`).join("_")} {`,
      forget,
      ...definitions,
      hasType ? typed : "",
      `#line 1 "${file}"`,
      body,
      "}",
    ].join("\n");
  });
  const device = ["DESCENT_DIALECT 1", `LANES ${lanes}`, "HAS_FLOAT64 1", "ROW_ALL 1"].map(
    (line) => `#define ${line}`,
  );
  return [...systemIncludes, ...device, language, base, ...parts, ""].join("\n");
}

/** Puts a source's module into place, from the cache where it is there; returns whether it was compiled. */
async function provide(source, compiler) {
  const hash = createHash("sha256");
  for (const part of [
    source.text,
    source.target,
    compiler.description,
    readFileSync(join(folder, "compile.mjs")),
    readFileSync(join(folder, "pack.mjs")),
  ])
    hash.update(part);
  const kept = join(cache, `${source.name}-${hash.digest("hex").slice(0, 24)}.cuda`);
  const isKept = existsSync(kept);
  if (!isKept) {
    writeWhole(kept, pack(await compile(source, compiler)));
    prune(source.name);
  } else {
    utimesSync(kept, new Date(), new Date());
  }
  const to = join(output, `${source.name}.cuda`);
  const bytes = readFileSync(kept);
  if (!existsSync(to) || !readFileSync(to).equals(bytes)) writeWhole(to, bytes);
  return !isKept;
}

/** The source as PTX, its version lowered as far as the assembler takes it. */
async function compile(source, compiler) {
  const work = mkdtempSync(join(tmpdir(), "descent-cuda-"));
  try {
    const input = join(work, `${source.name}.cu`);
    const ptx = join(work, `${source.name}.ptx`);
    writeFileSync(input, source.text);
    await execute(compiler.program, compiler.arguments(source.target, input, ptx));
    const made = readFileSync(ptx, "utf8");
    if (!compiler.assembler) return made;
    const own = Number(/^\.version (\d+\.\d+)/m.exec(made)[1]);
    for (const version of versions) {
      if (version < (firstVersion[source.target] ?? 0) || version >= own) continue;
      const lowered = made.replace(/^\.version .*/m, `.version ${version.toFixed(1)}`);
      writeFileSync(ptx, lowered);
      try {
        await execute(compiler.assembler, [
          "-O0",
          `-arch=${source.target}`,
          "-o",
          join(work, "checked"),
          ptx,
        ]);
        return lowered;
      } catch (error) {
        if (!/version|PTX ISA/i.test(String(error.stderr))) throw error;
      }
    }
    return made;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What can compile CUDA here, or why nothing can. */
function findCompiler() {
  const named = process.env.DESCENT_CUDA_COMPILER;
  if (named === "none") return { reason: "DESCENT_CUDA_COMPILER says so" };
  const sdks = [process.env.CUDA_HOME, process.env.CUDA_PATH, "/usr/local/cuda"].filter(Boolean);
  const nvcc = named
    ? /nvcc[^/]*$/.test(named) && named
    : (findProgram("nvcc") ?? sdks.map((sdk) => join(sdk, "bin/nvcc")).find(existsSync));
  if (nvcc) {
    const version = /release [\d.]+, V([\d.]+)/.exec(wordsOf(nvcc, ["--version"]))?.[1];
    if (!version) return { reason: `${nvcc} does not say its version` };
    return {
      compiler: {
        program: nvcc,
        description: `nvcc ${version}`,
        arguments: (target, input, ptx) => ["-ptx", "-std=c++17", "-w", `-arch=${target}`, input, "-o", ptx],
        assembler: findProgram("ptxas") ?? [join(dirname(nvcc), "ptxas")].find(existsSync),
      },
    };
  }
  const clang =
    named ??
    ["clang++", "clang++-19", "clang++-18", "clang++-17", "clang++-16"]
      .map((name) => findProgram(name))
      .find(Boolean);
  if (!clang) return { reason: "neither nvcc nor clang is installed" };
  const library = sdks.map((sdk) => join(sdk, "nvvm/libdevice/libdevice.10.bc")).find(existsSync);
  if (!library)
    return {
      reason:
        "nvcc is not installed, and clang needs the libdevice of a CUDA SDK (CUDA_HOME names its folder)",
    };
  const version = /version ([\d.]+)/.exec(wordsOf(clang, ["--version"]))?.[1];
  if (!version) return { reason: `${clang} does not say its version` };
  return {
    compiler: {
      program: clang,
      description: `clang ${version}`,
      arguments: (target, input, ptx) => [
        ...[
          "-x",
          "cuda",
          "--cuda-device-only",
          `--cuda-gpu-arch=${target}`,
          "-nocudainc",
          "-nocudalib",
          "-O3",
          "-w",
          "-S",
        ],
        ...[
          "-ffp-contract=fast",
          "-std=c++17",
          "-include",
          join(folder, "clang.h"),
          "-Xclang",
          "-mlink-builtin-bitcode",
        ],
        ...["-Xclang", library, input, "-o", ptx],
      ],
      assembler: findProgram("ptxas"),
    },
  };
}

function wordsOf(program, args) {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}

function execute(program, args) {
  const running = promisify(execFile)(program, args, { encoding: "utf8", maxBuffer: 1 << 26 });
  try {
    setPriority(running.child.pid, 10);
  } catch {
    // It has ended already.
  }
  return running;
}

function errorLines(error) {
  const lines = `${error.stderr ?? ""}${error.stdout ?? ""}`
    .split("\n")
    .filter((line) => /error/i.test(line));
  return (lines.length > 0 ? lines.slice(0, 20) : [String(error.message ?? error)]).join("\n");
}

function writeWhole(file, bytes) {
  const part = `${file}.${process.pid}`;
  writeFileSync(part, bytes);
  renameSync(part, file);
}

/** The cache keeps the eight that were used last of each source. */
function prune(name) {
  const files = readdirSync(cache)
    .filter((file) => file.startsWith(`${name}-`))
    .map((file) => ({ file: join(cache, file), time: statSync(join(cache, file)).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { file } of files.slice(8)) rmSync(file, { force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await compileModules(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
