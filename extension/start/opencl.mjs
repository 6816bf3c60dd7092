// An OpenCL device for the tests: a GPU that is there, or PoCL, which is one on the processor. Users need none of this.

import { join } from "node:path";
import { findProgram } from "./find.mjs";
import { execute, step } from "./progress.mjs";
import { root } from "./setup.mjs";

/** Names of the GPUs that Descent can use here ("cuda:0", "opencl:0"), as `descent devices` lists them; wants the build. */
export async function findGpus() {
  const listed = await execute(process.execPath, [join(root, "dist/cli/descent.mjs"), "devices", "--json"]);
  return JSON.parse(listed)
    .filter(({ kind, usable }) => kind !== "cpu" && usable)
    .map(({ name }) => name);
}

/** Installs Debian's PoCL when there is no OpenCL device and we may. Returns the GPUs; none where we may not. */
export async function ensureOpenCl() {
  const found = await findGpus();
  if (found.some((name) => name.startsWith("opencl"))) return found;
  if (process.getuid?.() !== 0 || !findProgram("apt-get")) return found;
  const advice = "Install an OpenCL device: on Debian pocl-opencl-icd and ocl-icd-libopencl1.";
  await step("Installing PoCL (apt-get)", async () => {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await execute("apt-get", ["update"], { env, advice });
    const packages = ["pocl-opencl-icd", "ocl-icd-libopencl1"];
    await execute("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { env, advice });
  });
  return findGpus();
}
