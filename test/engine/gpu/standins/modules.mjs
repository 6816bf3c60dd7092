// CUDA modules without a CUDA compiler, for the stand-in driver: every kernel of every source with the arguments that it
// declares and nothing inside, as `node test/engine/gpu/standins/modules.mjs FOLDER` writes them. The names and the sizes are
// those of the device sides themselves, as the C++ compiler reads them.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cudaSources } from "../../../../native/device/gpu/cuda/compile.mjs";
import { pack } from "../../../../native/device/gpu/cuda/pack.mjs";

/** What CUDA has and C++ has not, as far as declarations go: no function in here is ever called. */
const cudaForReaders = `
#include <cmath>
#include <cstdio>
using namespace std;
#define __shared__ static
#define __constant__ static
#define __device__
#define __forceinline__ inline __attribute__((unused))
#define __global__ inline
#define __launch_bounds__(...)
#define __restrict__
struct Triple { unsigned x, y, z; };
extern Triple threadIdx, blockIdx, gridDim, blockDim;
void __syncthreads();
int atomicCAS(int*, int, int);
int atomicAdd(int*, int);
unsigned __float_as_uint(float);
float __uint_as_float(unsigned);
long long __double_as_longlong(double);
double __longlong_as_double(long long);
float __int_as_float(int);
unsigned __umulhi(unsigned, unsigned);
unsigned long long __umul64hi(unsigned long long, unsigned long long);
template <class T> T __ldg(const T*);
template <class T> T min(T, T);
template <class T> T max(T, T);
template <class T> T rsqrt(T);
template <class... Arguments>
void tell(const char* name, void (*)(Arguments...)) {
  const size_t sizes[] = {sizeof(Arguments)...};
  printf("%s", name);
  for (size_t size : sizes) printf(" %zu", size);
  printf("\\n");
}
`;

function main(folder) {
  mkdirSync(folder, { recursive: true });
  const sources = cudaSources().filter(({ file }) => !file.endsWith(".cu"));
  for (const { name, text } of sources) {
    const file = join(folder, `${name}.cpp`);
    // The second time it is read there are names to ask for.
    writeFileSync(file, cudaForReaders + text.replaceAll(/^#line.*$/gm, ""));
    const plain = execFileSync("g++", ["-std=c++17", "-E", "-P", file], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    const kernels = [];
    let variant = "";
    for (const found of plain.matchAll(/namespace (in_\w*) \{|extern\s+"C"\s+inline\s+void\s+(\w+)\s*\(/g)) {
      if (found[1]) variant = found[1];
      else kernels.push(`tell("${found[2]}", decltype(&${variant}::${found[2]})(nullptr));`);
    }
    const program = join(folder, name);
    writeFileSync(file, `${plain}\nint main() {\n${kernels.join("\n")}\n}\n`);
    execFileSync("g++", ["-std=c++17", "-w", "-O0", "-o", program, file], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const told = execFileSync(program, { encoding: "utf8" }).trim().split("\n");
    writeFileSync(join(folder, `${name}.cuda`), pack(ptx(told.map((line) => line.split(" ")))));
  }
  console.log(`${sources.length} modules`);
}

function ptx(kernels) {
  const entries = kernels.map(([name, ...sizes]) => {
    const parameters = sizes.map((size, k) =>
      size === "8" || size === "4"
        ? `.param .u${Number(size) * 8} ${name}_param_${k}`
        : `.param .align 8 .b8 ${name}_param_${k}[${size}]`,
    );
    return `.visible .entry ${name}(\n${parameters.join(",\n")}\n)\n{\nret;\n}\n`;
  });
  return `.version 6.3\n.target sm_75\n.address_size 64\n${entries.join("")}`;
}

main(process.argv[2]);
