// The declarations users see: no `any`, and every name that is hovered says what it is.

import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import ts from "typescript";
import { root } from "../root.js";

/** A name a user can type, with its declaration. */
interface Public {
  path: string;
  symbol: ts.Symbol;
}

const found: Public[] = [];
let checker: ts.TypeChecker;

before(() => {
  const entry = join(root, "dist/types/engine/index.d.ts");
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.esnext.disposable.d.ts"],
    types: ["node"],
    skipLibCheck: true,
    strict: true,
  });
  checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!);
  collect("", module!);
});

/** All exports, those of namespaces, the members of classes and of the objects that stand for modules. */
function collect(path: string, home: ts.Symbol): void {
  for (const exported of checker.getExportsOfModule(home)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const name = path === "" ? exported.name : `${path}.${exported.name}`;
    if (found.some((known) => known.symbol === symbol)) continue;
    if (symbol.flags & ts.SymbolFlags.Module) {
      collect(name, symbol);
      continue;
    }
    found.push({ path: name, symbol });
    if (symbol.flags & ts.SymbolFlags.Class) collectMembers(name, checker.getDeclaredTypeOfSymbol(symbol));
    const declaration = symbol.valueDeclaration;
    if (declaration !== undefined && ts.isVariableDeclaration(declaration))
      collectMembers(name, checker.getTypeOfSymbol(symbol));
  }
}

function collectMembers(path: string, type: ts.Type): void {
  for (const member of type.getProperties()) {
    const declaration = member.declarations?.[0];
    const isOurs = declaration?.getSourceFile().fileName.includes("/dist/types/") === true;
    const isPrivate =
      declaration !== undefined &&
      ts.canHaveModifiers(declaration) &&
      (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !==
        0;
    const isInherited = found.some(({ symbol }) => symbol.declarations?.[0] === declaration);
    if (isOurs && !isPrivate && !isInherited && !member.name.startsWith("__"))
      found.push({ path: `${path}.${member.name}`, symbol: member });
  }
}

describe("the declarations", () => {
  it("are many, and their namespaces are looked into", () => {
    const names = new Set(found.map(({ path }) => path));
    for (const name of [
      "zeros",
      "Tensor.matmul",
      "nn.Linear",
      "nn.functional.relu",
      "optim.lrScheduler.StepLR",
      "memory.stats",
    ])
      assert.ok(names.has(name), name);
  });

  it("use no `any`", () => {
    const loose = found.filter(({ symbol }) =>
      (symbol.declarations ?? []).some((declaration) => hasAny(declaration)),
    );
    assert.deepEqual(
      loose.map(({ path }) => path),
      [],
    );
  });

  it("document every function and class", () => {
    const silent = found.filter(({ symbol }) => {
      const callable =
        symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class) ||
        checker.getTypeOfSymbol(symbol).getCallSignatures().length > 0;
      return callable && symbol.getDocumentationComment(checker).length === 0 && !explainsItself(symbol);
    });
    assert.deepEqual(
      silent.map(({ path }) => path),
      [],
    );
  });
});

/** Lines that end with `// wrong` must be marked in the editor, the others must not. */
const program = `
import { autograd, cat, data, nn, noGrad, optim, randn, run, tensor, zeros, type Tensor } from "descent";
const x: Tensor = randn([2, 3]);
const [values, indices]: [Tensor, Tensor] = x.max(1);
const largest: Tensor = x.max();
const model = new nn.Sequential(new nn.Linear(3, 4, { bias: false }), new nn.ReLU());
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
const y: Tensor = noGrad(() => model.forward(x));
for (const [a, b] of new data.DataLoader(new data.TensorDataset(x, x), { batchSize: 2 })) a.add(b);
x.view(3, 2).view([6]).sum(0, { keepdim: true }).to("float64").add(1).backward();
run.log({ loss: 1 });
x.matmul("y"); // wrong
x.matmul(); // wrong
x.sum("0"); // wrong
x.sum(0, { keepDim: true }); // wrong
x.to("float33").frobnicate(); // wrong
zeros("2"); // wrong
zeros([2], { dtype: "double" }); // wrong
cat(x); // wrong
tensor({ a: 1 }); // wrong
new nn.Linear(3); // wrong
new nn.Linear(3, 4, { Bias: false }); // wrong
new nn.CrossEntropyLoss({ reduction: "average" }); // wrong
new optim.SGD(model, { lr: 0.1 }); // wrong
new optim.Adam(model.parameters(), { learningRate: 0.1 }); // wrong
new data.DataLoader(x, { batch: 2 }); // wrong
autograd.grad(x, "w"); // wrong
x.shape = [6]; // wrong
const text: string = x.item(); // wrong
`;

it("wrong argument types are marked, right ones are not", () => {
  const file = join(root, "dist/snippet.ts");
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.esnext.disposable.d.ts"],
    types: ["node"],
    skipLibCheck: true,
    strict: true,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const getSourceFile = host.getSourceFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  const readFile = host.readFile.bind(host);
  host.getSourceFile = (name, target, ...rest) =>
    name === file ? ts.createSourceFile(name, program, target) : getSourceFile(name, target, ...rest);
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? program : readFile(name));
  const compiled = ts.createProgram([file], options, host);
  const source = compiled.getSourceFile(file)!;
  const marked = new Map(
    ts
      .getPreEmitDiagnostics(compiled, source)
      .map(({ start, messageText }) => [
        source.getLineAndCharacterOfPosition(start ?? 0).line,
        ts.flattenDiagnosticMessageText(messageText, " "),
      ]),
  );
  program.split("\n").forEach((line, number) => {
    const isWrong = line.endsWith("// wrong");
    assert.equal(marked.has(number), isWrong, `${line} ${marked.get(number) ?? "is not marked"}`);
  });
});

function hasAny(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.AnyKeyword || (ts.forEachChild(node, hasAny) ?? false);
}

/** Methods that every layer or container has, documented once on the class they come from; getters of plain facts. */
function explainsItself(symbol: ts.Symbol): boolean {
  return ["forward", "toString", "length", "step", "get"].includes(symbol.name);
}
