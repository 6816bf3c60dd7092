// Event files: ours are what TensorBoard writes, and whatever TensorBoard, PyTorch and TensorFlow write is read back exactly.

import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ByteWriter } from "../../engine/store/bytes.js";
import { EventFolder, findEventFolders } from "../../engine/store/eventFolder.js";
import {
  appendFileHeader,
  appendHistogram,
  appendImage,
  appendText,
  ScalarEvents,
} from "../../engine/store/eventWriter.js";
import { encodePng } from "../../engine/runtime/png.js";
import { root } from "../root.js";

const fixtures = join(root, "test/reference/fixtures/eventfiles");
const scratch = mkdtempSync(join(tmpdir(), "descent-events-"));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const { encoded, files } = JSON.parse(readFileSync(join(fixtures, "expected.json"), "utf8")) as {
  encoded: Record<"header" | "scalars" | "text", string>;
  files: Record<string, Record<string, [step: number, wall: number, value: string][]>>;
};

function written(write: (out: ByteWriter) => void): Buffer {
  const out = new ByteWriter();
  write(out);
  return Buffer.from(out.written());
}

/** A folder with one event file of these bytes. */
function folderWith(bytes: Uint8Array): string {
  const folder = mkdtempSync(join(scratch, "run-"));
  writeFileSync(join(folder, "events.out.tfevents.1.host"), bytes);
  return folder;
}

/** Of every series: [step, value] of each point. */
async function read(folder: EventFolder): Promise<Record<string, [number, number][]>> {
  await folder.poll();
  return Object.fromEntries(
    [...folder.series].map(([tag, series]) => [
      tag,
      Array.from({ length: series.count }, (_, k) => [series.stepAt(k), series.valueAt(k)]),
    ]),
  );
}

test("our records equal TensorBoard's byte for byte", () => {
  const hex = (write: (out: ByteWriter) => void): string => written(write).toString("hex");
  assert.equal(
    hex((out) => {
      appendFileHeader(out, 1234.5);
    }),
    encoded.header,
  );
  const events = new ScalarEvents(["loss", "grad_norm/fc1.weight", "größe"]);
  const scalars = written((out) => {
    events.append(out, 1, 5, [1, 2, 3]); // another step's length: the layout must be made anew
    events.append(out, 1234.5, 300, [0.25, NaN, Infinity]);
  });
  assert.equal(scalars.subarray(-encoded.scalars.length / 2).toString("hex"), encoded.scalars);
  assert.equal(
    hex((out) => {
      appendText(out, 1007, 7, "config", "| a | 1 |");
    }),
    encoded.text,
  );
});

for (const [name, expected] of Object.entries(files)) {
  test(`reads what TensorBoard reads of the files of '${name}'`, async () => {
    const folder = new EventFolder(join(fixtures, name));
    await folder.poll();
    assert.deepEqual(folder.problems, []);
    const found = Object.fromEntries(
      [...folder.series].map(([tag, series]) => [
        tag,
        Array.from({ length: series.count }, (_, k) => [
          series.stepAt(k),
          series.wallAt(k),
          series.valueAt(k),
        ]),
      ]),
    );
    const numbers = { nan: NaN, inf: Infinity, "-inf": -Infinity } as Record<string, number>;
    const wanted = Object.fromEntries(
      Object.entries(expected).map(([tag, points]) => [
        tag,
        points.map(([step, wall, value]) => [step, wall, numbers[value] ?? Number(value)]),
      ]),
    );
    assert.deepEqual(found, wanted);
  });
}

test("texts of PyTorch and TensorFlow are kept", async () => {
  for (const [name, tag, text] of [
    ["pytorch", "note/text_summary", "trained **well**"],
    ["tensorflow2", "words", "hello"],
  ] as const) {
    const folder = new EventFolder(join(fixtures, name));
    await folder.poll();
    assert.deepEqual(
      folder.texts.map((point) => [point.tag, point.text]),
      [[tag, text]],
    );
  }
});

test("every value that float32 has comes back, at steps up to 2^53", async () => {
  const values = [0, -0, 1.5, -3e38, 1e-45, NaN, Infinity, -Infinity];
  const steps = [0, 1, 127, 128, 16384, 2 ** 31, 2 ** 40, 2 ** 53 - 1];
  const events = new ScalarEvents(["x"]);
  const bytes = written((out) => {
    appendFileHeader(out, 1);
    steps.forEach((step, k) => {
      events.append(out, k, step, [values[k]!]);
    });
  });
  const series = await read(new EventFolder(folderWith(bytes)));
  assert.deepEqual(
    series["x"],
    steps.map((step, k) => [step, Math.fround(values[k]!)]),
  );
});

test("a file that ends anywhere in a record is read up to there, and on when the rest arrives", async () => {
  const events = new ScalarEvents(["a", "b"]);
  const whole = written((out) => {
    appendFileHeader(out, 1);
    for (let step = 0; step < 3; step++) events.append(out, step, step, [step, -step]);
  });
  for (let cut = 0; cut <= whole.length; cut++) {
    const path = folderWith(whole.subarray(0, cut));
    const folder = new EventFolder(path);
    await folder.poll();
    const before = folder.series.get("a")?.count ?? 0;
    appendFileSync(join(path, "events.out.tfevents.1.host"), whole.subarray(cut));
    assert.equal(await folder.poll(), cut < whole.length);
    assert.equal(await folder.poll(), false);
    assert.ok(before <= 3);
    assert.equal(folder.series.get("b")!.count, 3, `cut at ${cut}`);
    assert.deepEqual(folder.problems, []);
  }
});

test("damage anywhere is named in one sentence, and what came before stays", async () => {
  const events = new ScalarEvents(["a"]);
  const parts = [0, 1, 2].map((step) =>
    written((out) => {
      events.append(out, step, step, [step]);
    }),
  );
  const start = parts[0]!.length;
  for (let at = 0; at < parts[1]!.length; at++) {
    const bytes = Buffer.concat(parts);
    bytes[start + at]! ^= 0x40;
    const folder = new EventFolder(folderWith(bytes));
    assert.deepEqual((await read(folder))["a"], [[0, 0]], `byte ${at}`);
    assert.equal(folder.problems.length, 1);
    assert.match(
      folder.problems[0]!,
      new RegExp(`is damaged at byte ${start} \\(.+\\): what comes after is not shown\\.$`),
    );
    assert.equal(await folder.poll(), false);
  }
  const garbage = new EventFolder(folderWith(Buffer.from("this is no event file at all")));
  assert.deepEqual(await read(garbage), {});
  assert.equal(garbage.problems.length, 1);
});

test("a file that is cut short under the reader is given up with a sentence", async () => {
  const path = folderWith(readFileSync(join(fixtures, "restarted/events.out.tfevents.2000.host")));
  const folder = new EventFolder(path);
  await folder.poll();
  writeFileSync(join(path, "events.out.tfevents.1.host"), "");
  assert.equal(await folder.poll(), false);
  assert.match(folder.problems[0]!, /has become shorter/);
  assert.equal(folder.series.get("loss")!.count, 10);
});

test("several files of a folder are one run, also when the second appears later; a missing folder is empty", async () => {
  const path = mkdtempSync(join(scratch, "late-"));
  const folder = new EventFolder(join(path, "x"));
  assert.equal(await folder.poll(), false);
  const restarted = new EventFolder(path);
  const source = join(fixtures, "restarted");
  const [first, second] = readdirSync(source).sort() as [string, string];
  copyFileSync(join(source, first), join(path, first));
  assert.equal((await read(restarted))["loss"]!.length, 10);
  copyFileSync(join(source, second), join(path, second));
  assert.equal((await read(restarted))["loss"]!.length, 12);
  assert.deepEqual(
    findEventFolders(fixtures),
    ["pytorch", "restarted", "tensorflow2"].map((name) => join(fixtures, name)),
  );
});

test("a second file that goes back without saying so replaces what it writes anew", async () => {
  const events = new ScalarEvents(["loss"]);
  const path = mkdtempSync(join(scratch, "again-"));
  [
    [0, 10, 1],
    [6, 8, 100],
  ].forEach(([from, to, scale], number) => {
    const bytes = written((out) => {
      for (let step = from!; step < to!; step++) events.append(out, step, step, [step * scale!]);
    });
    writeFileSync(join(path, `events.out.tfevents.${number}`), bytes);
  });
  const series = await read(new EventFolder(path));
  assert.deepEqual(
    series["loss"]!.map(([, value]) => value),
    [0, 1, 2, 3, 4, 5, 600, 700],
  );
});

test("pictures and histograms are written, and passed over when read", async () => {
  const picture = encodePng(Float64Array.from([0, 0.5, 1, NaN]), [2, 2])!;
  assert.deepEqual([picture.height, picture.width, picture.channels], [2, 2, 1]);
  assert.equal(Buffer.from(picture.png).subarray(1, 4).toString(), "PNG");
  assert.equal(encodePng(new Float64Array(4), [2, 1, 2]), null);
  const events = new ScalarEvents(["loss"]);
  const folder = new EventFolder(
    folderWith(
      written((out) => {
        appendImage(out, 1, 1, "picture", picture);
        appendHistogram(out, 1, 1, "weights", [1, 2, 3, NaN]);
        appendHistogram(out, 1, 1, "nothing", []);
        events.append(out, 1, 1, [0.5]);
      }),
    ),
  );
  assert.deepEqual(await read(folder), { loss: [[1, 0.5]] });
  assert.deepEqual(folder.problems, []);
});

test("each layer's gradient norm is derived from its parameters'", async () => {
  const events = new ScalarEvents([
    "grad_norm/total",
    "grad_norm/net.fc1.weight",
    "grad_norm/net.fc1.bias",
    "grad_norm/scale",
  ]);
  const folder = new EventFolder(
    folderWith(
      written((out) => {
        events.append(out, 0, 1, [9, 3, 4, 2]);
        events.append(out, 0, 2, [9, NaN, 4, 2]);
      }),
    ),
  );
  const series = await read(folder);
  assert.deepEqual(series["grad_norm.layer/net.fc1"], [
    [1, 5],
    [2, NaN],
  ]);
  assert.deepEqual(series["grad_norm.layer/model"], [
    [1, 2],
    [2, 2],
  ]);
  assert.equal(series["grad_norm.layer/total"], undefined);
});

test("a million points are read within a second", async () => {
  const names = Array.from(
    { length: 20 },
    (_, k) => `grad_norm/layers.${k >> 1}.${k & 1 ? "weight" : "bias"}`,
  );
  const events = new ScalarEvents(names);
  const bytes = written((out) => {
    for (let step = 0; step < 50_000; step++)
      events.append(
        out,
        step,
        step,
        names.map((_, k) => step + k),
      );
  });
  const folder = new EventFolder(folderWith(bytes));
  const began = performance.now();
  await folder.poll();
  const seconds = (performance.now() - began) / 1000;
  assert.equal(folder.series.get(names[19]!)!.count, 50_000);
  console.log(`${(1 / seconds).toFixed(1)} million points a second`);
  assert.ok(seconds < 1, `${seconds} s`);
});
