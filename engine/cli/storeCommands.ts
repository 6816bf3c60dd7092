// `descent runs`, `show`, `compare` and `export`: the run store from the command line.

import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { tags, type RunRecord } from "../protocol.js";
import { EventFolder, isEventFile } from "../store/eventFolder.js";
import { jsonNumber } from "../store/record.js";
import { findRun, findRuns, workspaceOf, type StoredRun } from "../store/runs.js";
import { UsageError, expectPositionals, type Given, type OptionTable } from "./options.js";
import {
  coloured,
  cut,
  durationText,
  formatBytes,
  formatNumber,
  lossText,
  printJson,
  printTable,
  stateText,
  timeText,
} from "./print.js";

export const storeOptions: OptionTable = {
  json: { kind: "flag", sentence: "machine-readable output" },
  workspace: {
    kind: "value",
    placeholder: "FOLDER",
    sentence: "the folder that holds .descent; by default found from here",
  },
};

export const exportOptions: OptionTable = {
  ...storeOptions,
  tensorboard: {
    kind: "value",
    placeholder: "DIR",
    sentence: "copy the run's event files to DIR/<id>, for TensorBoard",
  },
};

export function runsCommand(given: Given): number {
  expectPositionals(given, []);
  const workspace = workspaceFrom(given);
  const { runs, broken } = findRuns(workspace);
  for (const { problem } of broken) process.stderr.write(`descent runs: ${problem}\n`);
  if (given.options["json"] !== undefined) {
    printJson(runs.map(listed));
    return 0;
  }
  if (runs.length === 0) {
    process.stdout.write(`No runs in ${workspace}. Start one with 'descent run train.ts'.\n`);
    return 0;
  }
  const rows = runs.map(({ record }) => [
    record.id,
    cut(record.name, 32),
    stateText(record.state),
    String(record.progress.step),
    lossText(record),
    durationText(record),
    cut(record.device, 12),
    timeText(record.startTime),
  ]);
  printTable(["id", "name", "state", "steps", "loss", "time", "device", "started"], rows, [3, 4, 5]);
  return 0;
}

function deviceText({ device, deviceDescription }: RunRecord): string {
  return deviceDescription === null ? device : `${device} (${deviceDescription})`;
}

/** One element of `descent runs --json`. */
function listed({ folder, record }: StoredRun): object {
  const { id, name, state, exitCode, startTime, endTime, script, note, progress } = record;
  const { device, deviceDescription } = record;
  return {
    id,
    name,
    state,
    exitCode,
    steps: progress.step,
    loss: progress.loss,
    startTime,
    endTime,
    device,
    deviceDescription,
    script,
    folder,
    note,
  };
}

export async function showCommand(given: Given): Promise<number> {
  expectPositionals(given, ["The run's id"]);
  const run = findRun(workspaceFrom(given), given.positional[0]!);
  const shown = await shownRun(run);
  if (given.options["json"] !== undefined) {
    printJson(shown);
    return 0;
  }
  const { record } = run;
  const facts: [string, string][] = [
    ["run", `${coloured(record.name, "bold")}  ${record.id}`],
    [
      "state",
      `${stateText(record.state)}${record.exitCode === null ? "" : `, exit status ${record.exitCode}`}`,
    ],
    ["script", [record.script, ...record.args].join(" ")],
    ["started", `${timeText(record.startTime)}, ${durationText(record)}`],
    [
      "steps",
      `${record.progress.step}${record.progress.epoch > 0 ? ` in ${record.progress.epoch} epochs` : ""}`,
    ],
    ["device", `${deviceText(record)}, Node ${record.nodeVersion}, Descent ${record.descentVersion}`],
    ["folder", run.folder],
  ];
  if (record.error !== null) facts.push(["error", coloured(errorText(record), "red")]);
  if (record.note !== null) facts.push(["note", record.note]);
  for (const [key, value] of Object.entries(record.config)) facts.push([`config ${key}`, valueText(value)]);
  for (const [key, value] of Object.entries(record.summary)) facts.push([`summary ${key}`, valueText(value)]);
  const width = Math.max(...facts.map(([key]) => key.length));
  for (const [key, value] of facts) process.stdout.write(`${key.padEnd(width)}  ${value}\n`);
  if (shown.series.length > 0) {
    process.stdout.write("\n");
    const rows = shown.series.map(({ tag, count, last, min, max }) => [
      tag,
      String(count),
      ...[last, min, max].map((value) => seriesValue(tag, value)),
    ]);
    printTable(["series", "points", "last", "min", "max"], rows, [1, 2, 3, 4]);
  }
  return 0;
}

export async function compareCommand(given: Given): Promise<number> {
  if (given.positional.length < 2) throw new UsageError("Two runs' ids are needed: descent compare A B.");
  const workspace = workspaceFrom(given);
  const found = given.positional.map((id) => findRun(workspace, id));
  const runs = await Promise.all(found.map(shownRun));
  const names = [...new Set(runs.flatMap((run) => run.series.map((series) => series.tag)))];
  const series = names.map((tag) => ({
    tag,
    last: runs.map((run) => run.series.find((one) => one.tag === tag)?.last ?? null),
  }));
  if (given.options["json"] !== undefined) {
    printJson({ runs, series });
    return 0;
  }
  const keys = (part: "config" | "summary"): string[] => [
    ...new Set(runs.flatMap((run) => Object.keys(run[part]))),
  ];
  const row = (title: string, cell: (run: ShownRun) => string): string[] => [title, ...runs.map(cell)];
  const rows = [
    row("state", (run) => stateText(run.state)),
    row("steps", (run) => String(run.steps)),
    ["device", ...found.map(({ record }) => record.device)],
    ...keys("config").map((key) => row(`config ${key}`, (run) => valueText(run.config[key]))),
    ...keys("summary").map((key) => row(`summary ${key}`, (run) => valueText(run.summary[key]))),
    ...series.map(({ tag, last }) => [
      tag,
      ...last.map((value) => (value === null ? "–" : seriesValue(tag, value))),
    ]),
  ];
  printTable(["", ...runs.map((run) => run.id)], rows);
  return 0;
}

export function exportCommand(given: Given): number {
  expectPositionals(given, ["The run's id"]);
  const target = given.options["tensorboard"];
  if (target === undefined) throw new UsageError("Say where to: descent export ID --tensorboard DIR.");
  const run = findRun(workspaceFrom(given), given.positional[0]!);
  const folder = join(resolve(target), run.record.id);
  const files = readdirSync(run.folder).filter(isEventFile);
  try {
    mkdirSync(folder, { recursive: true });
    for (const file of files) copyFileSync(join(run.folder, file), join(folder, basename(file)));
  } catch (error) {
    throw new Error(
      `${folder} could not be written (${(error as NodeJS.ErrnoException).code}): name a folder that you may write to.`,
      { cause: error },
    );
  }
  if (given.options["json"] !== undefined) printJson({ id: run.record.id, folder, files });
  else
    process.stdout.write(
      `${files.length} event ${files.length === 1 ? "file" : "files"} copied; open them with: tensorboard --logdir ${resolve(target)}\n`,
    );
  return 0;
}

interface ShownRun {
  id: string;
  state: RunRecord["state"];
  exitCode: number | null;
  steps: number;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
  /** Numbers that JSON has not are the strings "NaN", "Infinity" and "-Infinity". */
  series: { tag: string; count: number; last: number | string; min: number | string; max: number | string }[];
  findings: RunRecord["findings"];
}

/** What `descent show ID --json` prints. Series derived for the dashboard are left out: they are in no file. */
async function shownRun({ folder, record }: StoredRun): Promise<ShownRun> {
  const events = new EventFolder(folder);
  await events.poll();
  for (const problem of events.problems) process.stderr.write(`descent: ${problem}\n`);
  const series = [...events.series.values()]
    .filter(({ tag, count }) => count > 0 && !tag.startsWith(tags.layerGradNormPrefix))
    .map(({ tag, count, last, min, max }) => ({
      tag,
      count,
      last: jsonNumber(last),
      min: jsonNumber(min),
      max: jsonNumber(max),
    }));
  const { id, state, exitCode, config, summary, findings } = record;
  // The event file may be ahead of the record, which is written once a second.
  const stored = events.series.get(tags.loss) ?? events.series.get(tags.learningRate);
  const steps = Math.max(
    record.progress.step,
    stored === undefined || stored.count === 0 ? 0 : stored.stepAt(stored.count - 1),
  );
  return { id, state, exitCode, steps, config, summary, series, findings };
}

function workspaceFrom(given: Given): string {
  const { workspace } = given.options;
  return workspace === undefined
    ? (process.env["DESCENT_WORKSPACE"] ?? workspaceOf(process.cwd()))
    : resolve(workspace);
}

function errorText({ error }: RunRecord): string {
  if (error === null) return "";
  const { location } = error;
  const place = location === null ? "" : `${location.file}:${location.line}:${location.column}: `;
  return `${place}${error.name}: ${error.message}`;
}

function seriesValue(tag: string, value: number | string): string {
  return tag.startsWith(tags.memoryPrefix) ? formatBytes(Number(value)) : formatNumber(Number(value));
}

function valueText(value: unknown): string {
  if (value === undefined) return "–";
  if (typeof value === "string") return value;
  // Four significant digits, without the noughts that would make 0.001 read 0.001000.
  const isPlain = typeof value === "number" && !Number.isInteger(value);
  return isPlain
    ? formatNumber(value)
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, "")
    : JSON.stringify(value);
}
