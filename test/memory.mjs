// `npm run check:memory [-- CASES [SEED]]`: the fuzzer of the op table on an addon built with AddressSanitizer and UBSan, in which every block
// has memory of its own. The cases are shared among the instruction sets this machine has. Linux with g++ only.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const checked = join(root, "dist/memory");
const cases = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
if (!Number.isInteger(cases) || cases < 1 || !Number.isInteger(seed)) {
  console.error("npm run check:memory -- CASES [SEED]: both are whole numbers, for example 1000000 7");
  process.exit(1);
}

build();
const capabilities = ["AVX-512", "AVX2", "portable"];
const each = Math.ceil(cases / capabilities.length);
capabilities.forEach((capability, k) => {
  fuzz(capability, k * each, Math.min(each, cases - k * each));
});
console.log(`${cases} cases, seed ${seed}: no report`);

/** The addon and everything that runs on it, in a folder of its own. */
function build() {
  mkdirSync(join(checked, "dist"), { recursive: true });
  const isSource = (path) => !path.startsWith("native/build");
  cpSync("native", join(checked, "native"), { recursive: true, preserveTimestamps: true, filter: isSource });
  const flags = "-fsanitize=address,undefined";
  const nodeRoot = dirname(dirname(process.execPath));
  const headers = existsSync(join(nodeRoot, "include/node/node_api.h")) ? ["--nodedir", nodeRoot] : [];
  if (!existsSync(join(checked, "node_modules"))) {
    symlinkSync(join(root, "node_modules"), join(checked, "node_modules"));
  }
  const gyp = join(root, "node_modules/node-gyp/bin/node-gyp.js");
  run(
    [
      gyp,
      "-C",
      join(checked, "native"),
      "configure",
      "build",
      "--jobs",
      "max",
      "--loglevel",
      "error",
      ...headers,
    ],
    {
      CXXFLAGS: `-O1 -g1 ${flags} -fno-omit-frame-pointer -DDESCENT_PLAIN_MALLOC`,
      LDFLAGS: flags,
    },
  );
  for (const part of readdirSync("dist")) {
    if (part === "memory") continue;
    rmSync(join(checked, "dist", part), { recursive: true, force: true });
    cpSync(join("dist", part), join(checked, "dist", part), { recursive: true });
  }
  cpSync("package.json", join(checked, "package.json"));
  cpSync(join(checked, "native/build/Release/descent.node"), join(checked, "dist/native/descent.node"), {
    force: true,
  });
}

function fuzz(capability, first, count) {
  if (count < 1) return;
  const libraries = ["libasan.so", "libubsan.so", "libstdc++.so"].map((name) => {
    return spawnSync("g++", [`-print-file-name=${name}`], { encoding: "utf8" }).stdout.trim();
  });
  run([join(checked, "dist/test/engine/ops.fuzz.test.mjs")], {
    LD_PRELOAD: libraries.join(" "),
    ASAN_OPTIONS: "detect_leaks=0:allocator_may_return_null=1",
    UBSAN_OPTIONS: "print_stacktrace=1:halt_on_error=1",
    DESCENT_CPU_CAPABILITY: capability,
    DESCENT_FUZZ_SEED: String(seed),
    DESCENT_FUZZ_FIRST: String(first),
    DESCENT_FUZZ_CASES: String(count),
  });
}

function run(args, environment) {
  const { status, signal } = spawnSync(process.execPath, args, {
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  if (status === 0) return;
  console.error(
    `Failed (${signal ?? status}): ${Object.entries(environment)
      .map(([key, value]) => `${key}="${value}"`)
      .join(" ")} node ${args.join(" ")}`,
  );
  process.exit(1);
}
