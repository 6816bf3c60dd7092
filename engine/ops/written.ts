// The ops written in TypeScript, one entry each: what has a list of tensors or a number of results that its arguments decide has
// no row in the op table. An entry gives the export, the method and its declaration; generate.ts reads it.

export interface WrittenOp {
  name: string;
  /** What the module calls the function, where that is another name. */
  function?: string;
  /** The module that exports the function, as engine/generated/ sees it. Its first argument is the tensor. */
  from: string;
  /** Exported by the package, by nn.functional, or only a method. */
  where: "top" | "functional" | "method";
  /** The method's forms, without its name: "(dim?: number): Tensor[]"; none where there is no method. */
  method: string[];
  /** What the method's documentation says. */
  sentence: string;
}

export const writtenOps: WrittenOp[] = [
  {
    name: "split",
    from: "../ops/lists.js",
    where: "top",
    method: ["(sizes: number | readonly number[], dim?: number): Tensor[]"],
    sentence: "Cuts along a dim into views: `sizes` is the size of each part, or one for all.",
  },
  {
    name: "chunk",
    from: "../ops/lists.js",
    where: "top",
    method: ["(chunks: number, dim?: number): Tensor[]"],
    sentence: "Cuts along a dim into at most `chunks` views of one size.",
  },
  {
    name: "unbind",
    from: "../ops/lists.js",
    where: "top",
    method: ["(dim?: number): Tensor[]"],
    sentence: "The slices along a dim, as views without that dim.",
  },
  {
    name: "tensordot",
    from: "../ops/products.js",
    where: "top",
    method: ['(other: Tensor, dims?: import("../ops/products.js").ContractedDims): Tensor'],
    sentence:
      "The product summed over the last `dims` dims of this tensor and the first of the other, or over the two lists of dims.",
  },
  {
    name: "where",
    from: "../ops/choice.js",
    where: "top",
    method: [],
    sentence: "",
  },
  {
    name: "where",
    function: "whereMethod",
    from: "../ops/choice.js",
    where: "method",
    method: ["(condition: Tensor, other: Operand): Tensor"],
    sentence:
      "This tensor's elements where the condition holds, those of `other` elsewhere; all three broadcast.",
  },
  {
    name: "index",
    from: "../indexing.js",
    where: "top",
    method: [
      '(...indices: import("../indexing.js").Index[]): Tensor',
      '(indices: readonly import("../indexing.js").Index[]): Tensor',
    ],
    sentence:
      "As `at`: the elements at an index tensor, at a list of numbers, or where a mask holds; a list of tensors is one index for each dim.",
  },
  {
    name: "indexPut_",
    from: "../indexing.js",
    where: "method",
    method: [
      '(indices: import("../indexing.js").Index | readonly import("../indexing.js").Index[], values: Operand, options?: { accumulate?: boolean }): Tensor',
    ],
    sentence:
      "`x[indices] = values` in place, with indices as `at` takes them; `accumulate` adds instead. Values broadcast to what `at(...indices)` gives.",
  },
  {
    name: "unique",
    from: "../ops/sets.js",
    where: "top",
    method: [
      `<O extends import("../ops/sets.js").UniqueOptions = object>(options?: O): import("../ops/sets.js").UniqueResult<O>`,
      `<O extends import("../ops/sets.js").UniqueOptions = object>(dim: number | null, options?: O): import("../ops/sets.js").UniqueResult<O>`,
    ],
    sentence:
      "The elements that differ, in order; with `returnInverse` or `returnCounts` an array of tensors, in that order.",
  },
  {
    name: "nonzero",
    from: "../ops/sets.js",
    where: "top",
    method: ["(options: { asTuple: true }): Tensor[]", "(options?: { asTuple?: false }): Tensor"],
    sentence:
      "The places of the elements that are not zero: int64 [N, dims], or with `asTuple` an array of one [N] for each dim.",
  },
];
