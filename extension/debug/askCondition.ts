// Asks for a condition to break at: first which kind, then its numbers, each checked as it is typed.

import { bytesText, type BreakCondition } from "../../engine/breaks/conditions.js";
import type { Editor } from "../app.js";

type Kind = BreakCondition["kind"];

interface Question {
  prompt: string;
  value: string;
  problem: (text: string) => string | null;
}

const number = (prompt: string, value: string): Question => ({
  prompt,
  value,
  problem: (text) =>
    text.trim() !== "" && Number.isFinite(Number(text)) ? null : "Give a number, such as 0.5 or 1e3.",
});
const text = (prompt: string, value: string): Question => ({
  prompt,
  value,
  problem: (given) => (given.trim() === "" ? "It must not be empty." : null),
});
const share: Question = {
  prompt: "Of the activation's outputs, in percent",
  value: "95",
  problem: (given) =>
    Number(given) > 0 && Number(given) <= 100 ? null : "Give a number above 0, at most 100.",
};
const steps: Question = {
  prompt: "For so many steps in a row",
  value: "10",
  problem: (given) => (isCount(given) ? null : "Give a whole number, at least 1."),
};
const size: Question = {
  prompt: "Memory in use, with its unit",
  value: "1 GiB",
  problem: (given) => (readBytes(given) === null ? "Give a size such as 512 MiB or 2 GiB." : null),
};
const place: Question = {
  prompt: "File and line",
  value: "train.ts:1",
  problem: (given) =>
    /^.+:[1-9]\d*$/.test(given.trim()) ? null : "Give a file and a line, such as train.ts:12.",
};

interface Row {
  label: string;
  questions: Question[];
  make: (...answers: string[]) => BreakCondition;
}

const parameter = text("Name of a parameter; * stands for any characters", "*");

const kinds: (Row & { kind: Kind })[] = [
  {
    ...{ kind: "gradNorm", label: "Gradient norm of a parameter above…" },
    questions: [parameter, number("Above", "100")],
    make: (name, value) => ({ kind: "gradNorm", parameter: name, compare: "above", value: Number(value) }),
  },
  {
    ...{ kind: "gradNorm", label: "Gradient norm of a parameter below…" },
    questions: [parameter, number("Below", "1e-6")],
    make: (name, value) => ({ kind: "gradNorm", parameter: name, compare: "below", value: Number(value) }),
  },
  {
    ...{ kind: "totalGradNorm", label: "Gradient norm of all parameters above…" },
    questions: [number("Above", "100")],
    make: (value) => ({ kind: "totalGradNorm", compare: "above", value: Number(value) }),
  },
  {
    ...{ kind: "totalGradNorm", label: "Gradient norm of all parameters below…" },
    questions: [number("Below", "1e-6")],
    make: (value) => ({ kind: "totalGradNorm", compare: "below", value: Number(value) }),
  },
  {
    ...{ kind: "lossAbove", label: "Loss above…" },
    questions: [number("Above", "10")],
    make: (value) => ({ kind: "lossAbove", value: Number(value) }),
  },
  {
    ...{ kind: "lossNotFinite", label: "Loss not finite" },
    questions: [],
    make: () => ({ kind: "lossNotFinite" }),
  },
  {
    ...{ kind: "dead", label: "Activation dead…" },
    questions: [share, steps],
    make: (part, times) => ({ kind: "dead", share: Number(part) / 100, steps: Number(times) }),
  },
  {
    ...{ kind: "saturated", label: "Activation saturated…" },
    questions: [share, steps],
    make: (part, times) => ({ kind: "saturated", share: Number(part) / 100, steps: Number(times) }),
  },
  {
    ...{ kind: "memory", label: "Memory above…" },
    questions: [text("Device", "cpu"), size],
    make: (device, bytes) => ({ kind: "memory", device: device, bytes: readBytes(bytes)! }),
  },
  {
    ...{ kind: "allocation", label: "A line takes memory…" },
    questions: [place],
    make: (where) => {
      const [, file, line] = /^(.+):(\d+)$/.exec(where)!;
      return { kind: "allocation", file: file!, line: Number(line) };
    },
  },
  {
    ...{ kind: "written", label: "A parameter is written to…" },
    questions: [text("Name of the parameter; * stands for any characters", "fc1.weight")],
    make: (name) => ({ kind: "written", parameter: name }),
  },
];

/** undefined where the user left. `before`: what to change; its kind stays. */
export async function askCondition(
  editor: Editor,
  before?: BreakCondition,
): Promise<BreakCondition | undefined> {
  const row = before === undefined ? await askKind(editor) : kinds.find((one) => isLike(one, before));
  if (!row) return undefined;
  const known = before === undefined ? [] : answersOf(before);
  const answers: string[] = [];
  for (const [k, { prompt, value, problem }] of row.questions.entries()) {
    const title = `Break When: ${row.label.replace("…", "")}`;
    const answer = await editor.window.showInputBox({
      ...{ title, prompt, value: known[k] ?? value },
      validateInput: problem,
    });
    if (answer === undefined || problem(answer) !== null) return undefined;
    answers.push(answer.trim());
  }
  return row.make(...answers);
}

async function askKind(editor: Editor): Promise<Row | undefined> {
  const items = kinds.map((row) => ({ label: row.label, row }));
  return (await editor.window.showQuickPick(items, { title: "Break When", placeHolder: "Stop at…" }))?.row;
}

function isLike({ kind, label }: { kind: Kind; label: string }, condition: BreakCondition): boolean {
  if (kind !== condition.kind) return false;
  return !("compare" in condition) || label.includes(condition.compare);
}

function answersOf(condition: BreakCondition): string[] {
  switch (condition.kind) {
    case "gradNorm":
      return [condition.parameter, String(condition.value)];
    case "totalGradNorm":
    case "lossAbove":
      return [String(condition.value)];
    case "dead":
    case "saturated":
      return [String(condition.share * 100), String(condition.steps)];
    case "memory":
      return [condition.device, bytesText(condition.bytes)];
    case "allocation":
      return [`${condition.file}:${condition.line}`];
    case "written":
      return [condition.parameter];
    case "lossNotFinite":
    case "writtenPin":
      return [];
  }
}

function isCount(given: string): boolean {
  return Number.isSafeInteger(Number(given)) && Number(given) >= 1;
}

/** "2 GiB" in bytes; null for what is no size. */
function readBytes(given: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(B|[KMGT]i?B)\s*$/i.exec(given);
  if (!match) return null;
  const power = "BKMGT".indexOf(match[2]![0]!.toUpperCase());
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  return bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : null;
}
