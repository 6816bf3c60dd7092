// Writes engine/generated/ops.ts from the op table inside the addon: each op as a documented function and as a method of Tensor;
// beside it, which of them the package exports at its top level (top.ts) and which only in nn.functional (functional.ts).

import { mkdirSync, writeFileSync } from "node:fs";
import { native, type OpArgument, type OpDescription } from "../native.js";
import { writtenOps } from "./written.js";

const file = "engine/generated/ops.ts";
/** Names that JavaScript does not let a function have; they are exported by their name all the same. */
const reserved = new Set(["var"]);

mkdirSync("engine/generated", { recursive: true });
const table = native.describeOps();
writeFileSync(file, generate(table));
writeFileSync("engine/generated/top.ts", exportList("top"));
writeFileSync("engine/generated/functional.ts", exportList("functional"));

function exportList(where: "top" | "functional"): string {
  const rows = table.filter((op) => !op.inPlaceOnly && op.functionalOnly === (where === "functional"));
  const written = writtenOps.filter((op) => op.where === where);
  const names = [...rows, ...written].map((op) => op.name).sort();
  return [
    `// Written by engine/ops/generate.ts from the op table; do not edit.`,
    ``,
    `export { ${names.join(", ")} } from "./ops.js";`,
    ``,
  ].join("\n");
}

function generate(ops: OpDescription[]): string {
  const methods = ops.flatMap((op) => [...(op.method ? [op] : []), ...(op.inPlace ? [inPlace(op)] : [])]);
  const exported = writtenOps.filter((op) => op.where !== "method");
  const written = writtenOps.filter((op) => op.method.length > 0);
  return [
    `// Written by engine/ops/generate.ts from the op table; do not edit.`,
    ``,
    `import type { DType } from "../dtype.js";`,
    `import { generatorState, type Generator } from "../generator.js";`,
    `import { native } from "../native.js";`,
    ...writtenOps.map((op) => `import { ${op.function ?? op.name} } from "${op.from}";`),
    `import { callNamed, checkOptions, isOptions, type NamedCall } from "../ops/options.js";`,
    `import { adopt, refresh, Tensor } from "../tensor.js";`,
    ``,
    `export { ${exported.map((op) => op.name).join(", ")} };`,
    ``,
    `/** A tensor, or a number that counts as one of its dtype as far as it fits. */`,
    `export type Operand = Tensor | number | bigint | boolean;`,
    ...ops.filter((op) => !op.inPlaceOnly).map(functionOf),
    ...ops.filter((op) => op.inPlace).map((op) => inPlaceFunctionOf(inPlace(op))),
    `/** What the op table gives Tensor. */`,
    `export interface TensorOps {`,
    ...methods.map(methodDeclaration),
    ...written.flatMap((op) => [`/** ${op.sentence} */`, ...op.method.map((form) => `${op.name}${form};`)]),
    `}`,
    ``,
    `type Rest<F> = F extends (x: Tensor, ...rest: infer R) => unknown ? R : never;`,
    `const methods: Record<string, (this: Tensor, ...values: never[]) => unknown> = {`,
    ...methods.map(methodBody),
    ...written.map(
      (op) =>
        `${op.name}(this: Tensor, ...rest: Rest<typeof ${op.function ?? op.name}>) { return ${op.function ?? op.name}(this, ...rest); },`,
    ),
    `};`,
    ``,
    `/** Puts the methods on Tensor's prototype; once. */`,
    `export function install(prototype: object): void {`,
    `for (const [name, value] of Object.entries(methods)) {`,
    `Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: false });`,
    `}`,
    `}`,
    ``,
  ].join("\n");
}

/** The op as its in-place form. */
function inPlace(op: OpDescription): OpDescription {
  return { ...op, name: `${op.name}_`, outputs: 0 };
}

function isInPlace(op: OpDescription): boolean {
  return op.outputs === 0;
}

/** Gives a second tensor only with `returnIndices: true`. */
function isPairOnDemand(op: OpDescription): boolean {
  return op.outputs === 2 && options(op).some((argument) => argument.name === "returnIndices");
}

/** The forms of such a function: without indices, with them, and where a variable says it. */
function onDemandSignatures(op: OpDescription): string[] {
  const shown = positional(op).map(parameterOf(op)).join(", ");
  const all = optionsParameter(op)[0]!.slice("options?: ".length);
  const others = `Omit<${all}, "returnIndices">`;
  return [
    `(${shown}, options?: ${others} & { returnIndices?: false }): Tensor`,
    `(${shown}, options: ${others} & { returnIndices: true }): [Tensor, Tensor]`,
    `(${shown}, options?: ${all}): Tensor | [Tensor, Tensor]`,
  ];
}

/** Gives one tensor without a dim and two with one. */
function isPairWithDim(op: OpDescription): boolean {
  return (
    op.outputs === 2 &&
    op.arguments.some((argument) => argument.name === "dim" && argument.default === "null")
  );
}

function identifier(op: OpDescription): string {
  return reserved.has(op.name) ? `${op.name}Op` : op.name;
}

function nativeName(op: OpDescription): string {
  return `native_${op.name}`;
}

function positional(op: OpDescription): OpArgument[] {
  return op.arguments.filter((argument) => argument.positional);
}

function options(op: OpDescription): OpArgument[] {
  return op.arguments.filter((argument) => !argument.positional);
}

function typeOf(argument: OpArgument): string {
  const orNull = argument.default === "null" ? " | null" : "";
  switch (argument.kind) {
    case "tensor":
      return "Tensor";
    case "operand":
      return `Operand${orNull}`;
    case "tensors":
      return "readonly Tensor[]";
    case "number":
      return `${argument.name === "value" ? "number | bigint | boolean" : "number"}${orNull}`;
    case "integer":
      return `number${orNull}`;
    case "boolean":
      return `boolean${orNull}`;
    case "integers":
      return `number | readonly number[]${orNull}`;
    case "dtype":
      return `DType${orNull}`;
    case "string": {
      const choices = [...argument.sentence.matchAll(/"[^"]*"/g)].map(([choice]) => choice);
      return `${choices.length > 0 ? choices.join(" | ") : "string"}${orNull}`;
    }
    case "padding":
      return `number | readonly number[] | "same" | "valid"`;
    case "sizes":
      return "number | readonly (number | null)[]";
    case "numbers":
      return `number | readonly number[]${orNull}`;
    case "optionalTensor":
      return "Tensor | null";
    case "generator":
      return "Generator | null";
  }
}

function parameterOf(op: OpDescription): (argument: OpArgument) => string {
  return (argument) =>
    argument.default === null
      ? `${argument.name}: ${typeOf(argument)}`
      : `${argument.name}?: ${typeOf(argument)} | ${namedType(op, argument)}`;
}

function optionsParameter(op: OpDescription): string[] {
  const keys = options(op).map((argument) => `${argument.name}?: ${typeOf(argument)} | undefined`);
  return keys.length === 0 ? [] : [`options?: { ${keys.join("; ")} }`];
}

/** What may be left out although it has a place: it may stand in the options object too. */
function optionalPlaces(op: OpDescription): OpArgument[] {
  return positional(op).filter((argument) => argument.default !== null);
}

/** The options object that may stand where an optional argument would: the arguments from there on, and the options proper. */
function namedType(op: OpDescription, first: OpArgument): string {
  const places = optionalPlaces(op);
  const keys = [...places.slice(places.indexOf(first)), ...options(op)];
  return `{ ${keys.map((key) => `${key.name}?: ${typeOf(key)} | undefined`).join("; ")} }`;
}

/** The first lines of a body: an options object in an optional place is taken apart and the call made anew. */
function namedCalls(op: OpDescription, self: string): string[] {
  const names = positional(op).map((argument) => argument.name);
  return optionalPlaces(op).map(({ name }) => {
    const at = names.indexOf(name);
    const given = self === "this" ? names.slice(1, at) : names.slice(0, at);
    const call = self === "this" ? `this.${op.name}.bind(this)` : self;
    const places = names.slice(at).map((key) => `"${key}"`);
    const after = [...names.slice(at + 1), ...(options(op).length > 0 ? ["options"] : [])];
    return (
      `if (isOptions(${name})) return callNamed("${op.name}", ${call} as NamedCall<${result(op)}>, ` +
      `[${given.join(", ")}], [${places.join(", ")}], ${name}, ${options(op).length > 0}, [${after.join(", ")}]);`
    );
  });
}

/** `x.view(2, 3)` as well as `x.view([2, 3])`: the list is all there is besides the tensor. */
function isVariadic(op: OpDescription): boolean {
  const last = op.arguments[1];
  return op.method && op.arguments.length === 2 && last?.kind === "integers" && last.default === null;
}

function result(op: OpDescription): string {
  if (isInPlace(op)) return "Tensor";
  return op.outputs === 1 ? "Tensor" : `[${Array<string>(op.outputs).fill("Tensor").join(", ")}]`;
}

function documentation(op: OpDescription, shown: OpArgument[]): string {
  const inPlaceNote =
    isInPlace(op) && !op.inPlaceOnly ? " In place: the first tensor receives the result." : "";
  const lines = [`${op.sentence}${inPlaceNote}`];
  if (op.shapes) lines.push("", `Shapes: ${op.shapes}`);
  for (const argument of shown) {
    const name = argument.positional ? argument.name : `options.${argument.name}`;
    const standard =
      argument.default === null || argument.default === "null" ? "" : ` Default: ${argument.default}.`;
    lines.push(`@param ${name} ${argument.sentence}${standard}`);
  }
  if (op.errors) lines.push(`@throws DescentError. ${op.errors}`);
  return ["/**", ...lines.map((line) => ` * ${line}`.trimEnd()), " */"].join("\n");
}

/** The values as the addon takes them: one a row's argument, in its order. */
function nativeValues(op: OpDescription): string[] {
  return op.arguments.map((argument) => {
    const value = argument.positional ? argument.name : `options?.${argument.name}`;
    return argument.kind === "generator" ? `generatorState("${op.name}", ${value})` : value;
  });
}

function optionsCheck(op: OpDescription): string[] {
  if (options(op).length === 0) return [];
  return [`if (options !== undefined) checkOptions("${op.name}", options, ${op.name}Options);`];
}

function optionsTable(op: OpDescription): string[] {
  if (options(op).length === 0) return [];
  const keys = options(op).map((argument) => `${argument.name}: ${argument.default ?? "null"}`);
  return [`const ${op.name}Options = { ${keys.join(", ")} };`];
}

function functionOf(op: OpDescription): string {
  const name = identifier(op);
  const parameters = [...positional(op).map(parameterOf(op)), ...optionsParameter(op)];
  const outs = Array.from({ length: op.outputs }, (_, k) => `out${k}`);
  const adopted = outs.map((out, k) => `adopt(${out}, ${k})`);
  const exported = name === op.name ? "export " : "";
  const doc = documentation(op, op.arguments);
  const signatures = isPairWithDim(op)
    ? [doc, ...pairSignatures(op).map((signature) => `export function ${name}(x: Tensor${signature};`)]
    : isPairOnDemand(op)
      ? [doc, ...onDemandSignatures(op).map((signature) => `export function ${name}${signature};`)]
      : [doc];
  const returned = isPairWithDim(op) || isPairOnDemand(op) ? "Tensor | [Tensor, Tensor]" : result(op);
  return [
    ``,
    `const ${nativeName(op)} = native.ops["${op.name}"]!;`,
    ...optionsTable(op),
    ...signatures,
    `${exported}function ${name}(${parameters.join(", ")}): ${returned} {`,
    ...namedCalls(op, name),
    ...optionsCheck(op),
    ...outs.map((out) => `const ${out} = new Tensor();`),
    `${nativeName(op)}(${[...outs, ...nativeValues(op)].join(", ")});`,
    ...(isPairWithDim(op) ? [`if (dim === undefined || dim === null) return adopt(out0, 0);`] : []),
    ...(isPairOnDemand(op) ? [`if (options?.returnIndices !== true) return adopt(out0, 0);`] : []),
    `return ${op.outputs === 1 ? adopted[0] : `[${adopted.join(", ")}]`};`,
    `}`,
    ...(name === op.name ? [] : [`export { ${name} as ${op.name} };`]),
  ].join("\n");
}

/** What follows the first tensor in the forms of max and min. */
function pairSignatures(op: OpDescription): string[] {
  const named = `options: { ${["dim: number", ...options(op).map((key) => `${key.name}?: ${typeOf(key)} | undefined`)].join("; ")} }`;
  return [
    `): Tensor`,
    `, ${[`dim: number`, ...optionsParameter(op)].join(", ")}): [Tensor, Tensor]`,
    `, ${named}): [Tensor, Tensor]`,
  ];
}

/** In-place forms are methods only. */
function inPlaceFunctionOf(op: OpDescription): string {
  return [``, `const ${nativeName(op)} = native.ops["${op.name}"]!;`, ...optionsTable(op)].join("\n");
}

function methodDeclaration(op: OpDescription): string {
  const [, ...rest] = op.arguments;
  const parameters = [...positional(op).slice(1).map(parameterOf(op)), ...optionsParameter(op)];
  const doc = documentation(op, rest);
  const returned = isInPlace(op) ? "this" : result(op);
  if (isPairWithDim(op)) {
    return [doc, ...pairSignatures(op).map((form) => `${op.name}(${form.replace(", ", "")};`)].join("\n");
  }
  if (isVariadic(op)) {
    const list = rest[0]!.name;
    return [
      doc,
      `${op.name}(...${list}: number[]): ${returned};`,
      `${op.name}(${list}: readonly number[]): ${returned};`,
    ].join("\n");
  }
  return [doc, `${op.name}(${parameters.join(", ")}): ${returned};`].join("\n");
}

function methodBody(op: OpDescription): string {
  const [self, ...others] = op.arguments;
  const parameters = [
    "this: Tensor",
    ...positional(op).slice(1).map(parameterOf(op)),
    ...optionsParameter(op),
  ];
  const values = nativeValues({ ...op, arguments: others });
  if (isInPlace(op)) {
    return [
      `${op.name}(${parameters.join(", ")}) {`,
      ...namedCalls(op, "this"),
      ...optionsCheck(op),
      `${nativeName(op)}(${["this", ...values].join(", ")});`,
      `refresh(this);`,
      `return this;`,
      `},`,
    ].join("\n");
  }
  if (self === undefined) throw new Error(`${op.name} is a method without arguments`);
  const outs = Array.from({ length: op.outputs }, (_, k) => `out${k}`);
  const adopted = outs.map((out, k) => `adopt(${out}, ${k})`);
  if (isVariadic(op)) {
    const list = others[0]!.name;
    return [
      `${op.name}(this: Tensor, ...${list}: (number | readonly number[])[]) {`,
      `const out0 = new Tensor();`,
      `${nativeName(op)}(out0, this, ${list}.length === 1 ? ${list}[0] : ${list});`,
      `return adopt(out0, 0);`,
      `},`,
    ].join("\n");
  }
  return [
    `${op.name}(${parameters.join(", ")}) {`,
    ...namedCalls(op, "this"),
    ...optionsCheck(op),
    ...outs.map((out) => `const ${out} = new Tensor();`),
    `${nativeName(op)}(${[...outs, "this", ...values].join(", ")});`,
    ...(isPairWithDim(op) ? [`if (dim === undefined || dim === null) return adopt(out0, 0);`] : []),
    `return ${op.outputs === 1 ? adopted[0] : `[${adopted.join(", ")}]`};`,
    `},`,
  ].join("\n");
}
