// What a debugger shows on one line of a module, an optimizer, a scheduler, a dataset or a loader. As in descriptions.ts, fields are read and
// nothing is called that a user may have written, for it might do something.

import type { Parameter } from "../nn/parameter.js";
import { slotOf, type Tensor } from "../tensor.js";
import { columns, hasGradNumbers, read, rowOf } from "./table.js";
import { formatCount, formatMany, formatNumber, joined } from "./words.js";

type Fields = Readonly<Record<string, unknown>>;

/** Objects in the fields of the object itself; what stands behind an accessor stays there. No generator: one is a side effect. */
function objectsIn(x: object): object[] {
  const found: object[] = [];
  for (const key of Object.keys(x)) {
    const value: unknown = Object.getOwnPropertyDescriptor(x, key)?.value;
    if (typeof value === "object" && value !== null) found.push(value);
  }
  return found;
}

function nameOf(x: object): string {
  const made: unknown = x.constructor;
  return typeof made === "function" && made.name !== "" ? made.name : "Object";
}

const isNumber = (x: unknown): x is number => typeof x === "number";

/** "3×3", "3" */
function sizes(x: unknown): string | null {
  if (isNumber(x)) return String(x);
  return Array.isArray(x) && x.every(isNumber) ? joined(x, "×") : null;
}

/** What goes in and comes out, by the names that layers give it. */
const flows = [
  ["inFeatures", "outFeatures"],
  ["inChannels", "outChannels"],
  ["numEmbeddings", "embeddingDim"],
  ["inputSize", "hiddenSize"],
] as const;

/** Settings that tell a layer, in their order, and how they are said: alone, or after a word. */
const settings: readonly (readonly [field: string, word: string])[] = [
  ["kernelSize", ""],
  ["numFeatures", ""],
  ["numChannels", ""],
  ["normalizedShape", ""],
  ["outputSize", ""],
  ["embedDim", ""],
  ["numGroups", "groups"],
  ["numHeads", "heads"],
  ["dim", "dim"],
  ["p", "p"],
  ["negativeSlope", "slope"],
  ["scaleFactor", "scale"],
];

function signatureOf(fields: Fields): string {
  const parts: string[] = [];
  for (const [from, to] of flows) {
    if (isNumber(fields[from]) && isNumber(fields[to])) parts.push(`${fields[from]} → ${fields[to]}`);
  }
  const hasFlow = parts.length > 0;
  for (const [field, word] of settings) {
    const text = sizes(fields[field]);
    if (hasFlow && field === "outputSize") continue; // a recurrent layer's, said already
    if (text !== null) parts.push(word === "" ? text : `${word} ${text}`);
  }
  const stride = sizes(fields["stride"]);
  const isPlain =
    stride === null || stride === sizes(fields["kernelSize"]) || /* 1, 1×1 */ isOnes(fields["stride"]);
  if (!isPlain) parts.push(`stride ${stride}`);
  if (isNumber(fields["numLayers"]) && fields["numLayers"] > 1) parts.push(`${fields["numLayers"]} layers`);
  return parts.length === 0 ? "" : `(${joined(parts)})`;
}

function isOnes(x: unknown): boolean {
  return x === 1 || (Array.isArray(x) && x.every((each) => each === 1));
}

interface Kinds<Module> {
  isModule(x: unknown): x is Module;
  isParameter(x: unknown): x is Parameter;
}

interface Census {
  parameters: number;
  layers: number;
  children: number;
  /** Of all gradients as one vector; null where there is none, or nobody has looked. */
  norm: number | null;
  nan: number;
}

/** Everything below a module, each once. */
function census<Module extends object>(root: Module, kinds: Kinds<Module>): Census {
  const found: Census = { parameters: 0, layers: 0, children: 0, norm: null, nan: 0 };
  const seen = new Set<object>([root]);
  const pending: Module[] = [root];
  let squared = 0;
  let known = 0;
  while (pending.length > 0) {
    const module = pending.pop()!;
    let below = 0;
    for (const value of objectsIn(module)) {
      if (seen.has(value)) continue;
      if (kinds.isModule(value)) {
        seen.add(value);
        pending.push(value);
        below += 1;
      } else if (kinds.isParameter(value)) {
        seen.add(value);
        found.parameters += countOf(value);
        const row = rowOf(value);
        if (!hasGradNumbers(row)) continue;
        known += 1;
        squared += read(row, columns.gradNorm) ** 2;
        found.nan += read(row, columns.gradNaN) + read(row, columns.gradInfinities);
      }
    }
    if (module === root) found.children = below;
    else if (below === 0) found.layers += 1;
  }
  if (known > 0) found.norm = Math.sqrt(squared);
  return found;
}

function countOf(x: Tensor): number {
  let count = 1;
  if (Array.isArray(x.shape)) for (const size of x.shape) count *= size;
  return count;
}

/** `Linear(784 → 128)  100,480 params  |g| 1e-3`, `Sequential(5 layers)  …`, `SimpleNet  101,770 params in 2 layers`. */
export function describeModule<Module extends object>(module: Module, kinds: Kinds<Module>): string {
  const name = nameOf(module);
  if (!Object.hasOwn(module, "training")) return name; // a prototype
  const { parameters, layers, children, norm, nan } = census(module, kinds);
  const isContainer = children > 0 && isNumbered(module);
  let text = name;
  if (isContainer) text += `(${formatMany(children, "layer")})`;
  else text += signatureOf(module as Fields);
  if (parameters > 0) text += `  ${formatMany(parameters, "param")}`;
  if (children > 0 && !isContainer) text += `${parameters > 0 ? "" : " "} in ${formatMany(layers, "layer")}`;
  if (norm !== null) text += `  |g| ${formatNumber(norm)}`;
  if (nan > 0) text += `  ${formatCount(nan)} NaN or Inf in gradients`;
  if ((module as Fields)["training"] === false) text += "  eval";
  return text;
}

/** A list of modules: its fields are "0", "1", ... */
function isNumbered(module: object): boolean {
  return Object.hasOwn(module, "0");
}

/** Options that are said where they are not off. */
const options = ["momentum", "weightDecay", "nesterov", "amsgrad", "centered", "maximize"];

/** `SGD lr 0.1, 4 tensors, momentum 0.9` */
export function describeOptimizer(optimizer: { readonly paramGroups: readonly unknown[] }): string {
  const name = nameOf(optimizer);
  if (!Object.hasOwn(optimizer, "paramGroups") || !Array.isArray(optimizer.paramGroups)) return name;
  const groups = optimizer.paramGroups as readonly Fields[];
  let tensors = 0;
  for (const group of groups) if (Array.isArray(group["params"])) tensors += group["params"].length;
  const parts = [`lr ${ratesOf(groups)}`, formatMany(tensors, "tensor")];
  if (groups.length > 1) parts.push(`${groups.length} groups`);
  for (const option of options) {
    const value = groups[0]?.[option];
    if (value === true) parts.push(option);
    else if (isNumber(value) && value !== 0) parts.push(`${option} ${formatNumber(value)}`);
  }
  return `${name} ${joined(parts)}`;
}

/** "0.1", "0.1 / 0.01" */
function ratesOf(groups: readonly Fields[]): string {
  const rates: string[] = [];
  for (const { lr } of groups) {
    const text = isNumber(lr) ? formatNumber(lr) : "?";
    if (!rates.includes(text)) rates.push(text);
  }
  return joined(rates, " / ");
}

/** `StepLR lr 0.01, epoch 30` */
export function describeScheduler(scheduler: object): string {
  const { optimizer, lastEpoch } = scheduler as {
    optimizer?: { paramGroups?: unknown };
    lastEpoch?: unknown;
  };
  const name = nameOf(scheduler);
  if (!Object.hasOwn(scheduler, "lastEpoch") || !isNumber(lastEpoch)) return name;
  const groups = optimizer?.paramGroups;
  const rates = Array.isArray(groups) ? `lr ${ratesOf(groups as Fields[])}, ` : "";
  return `${name} ${rates}epoch ${lastEpoch}`;
}

/** Not by instanceof: what the package exports, as it does the class, cannot be read without a side effect. */
function isTensor(x: unknown): x is Tensor {
  return typeof x === "object" && x !== null && slotOf(x) >= 0 && Array.isArray((x as Tensor).shape);
}

/** How many items a dataset of this package has; null of others, whose `length` may be anything. */
function itemsOf(dataset: object): number | null {
  const { tensors, indices, items, ends } = dataset as Fields;
  if (Array.isArray(tensors)) {
    const first: unknown = tensors[0];
    return isTensor(first) ? (first.shape[0] ?? null) : null;
  }
  if (Array.isArray(indices)) return indices.length;
  if (Array.isArray(items)) return items.length;
  if (Array.isArray(ends)) return (ends as number[]).at(-1) ?? 0;
  return null;
}

/** `TensorDataset  60,000 items of [1, 28, 28] float32, [] int64` */
export function describeDataset(dataset: object): string {
  const items = itemsOf(dataset);
  if (items === null) return nameOf(dataset);
  const { tensors } = dataset as Fields;
  const parts: string[] = [];
  if (Array.isArray(tensors)) {
    for (const x of tensors as unknown[])
      if (isTensor(x)) parts.push(`[${joined(x.shape.slice(1))}] ${x.dtype}`);
  }
  return `${nameOf(dataset)}  ${formatMany(items, "item")}${parts.length === 0 ? "" : ` of ${joined(parts)}`}`;
}

/** `DataLoader  batches of 64, shuffled, TensorDataset  60,000 items …` */
export function describeLoader(loader: object): string {
  const { dataset, batchSize, shuffle, dropLast, numWorkers } = loader as Fields;
  if (typeof dataset !== "object" || dataset === null) return nameOf(loader);
  const parts = [isNumber(batchSize) ? `batches of ${formatCount(batchSize)}` : "batches of a sampler's"];
  if (shuffle === true) parts.push("shuffled");
  if (dropLast === true) parts.push("the last dropped where short");
  if (isNumber(numWorkers) && numWorkers > 0) parts.push(formatMany(numWorkers, "worker"));
  return `${nameOf(loader)}  ${joined(parts)}  ${describeDataset(dataset)}`;
}
