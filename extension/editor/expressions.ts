// Which expression stands at a place of a line: what a hover evaluates, and what 'Inspect Tensor' takes from the code.
// Never one with a call in it: looking must not run the user's code.

export interface FoundExpression {
  /** As JavaScript: without TypeScript's `!`. */
  text: string;
  /** Columns from 0, the end exclusive. */
  start: number;
  end: number;
}

const keywords = new Set(
  (
    "abstract any as asserts async await boolean break case catch class const continue debugger declare default delete do else enum " +
    "export extends false finally for from function get if implements import in infer instanceof interface is keyof let namespace " +
    "never new null number of override private protected public readonly return satisfies set static string super switch " +
    "symbol throw true try type typeof undefined unique unknown var void while with yield"
  ).split(" "),
);

const wordCharacter = /[\w$\u00aa-\uffff]/;

/** The whole chain up to the word at `column`: `this.fc1.weight`, `layers[0].bias`; null where there is none. */
export function expressionAt(line: string, column: number): FoundExpression | null {
  let end = column;
  while (end < line.length && wordCharacter.test(line[end]!)) end++;
  let start = wordStart(line, end);
  if (start === end || /\d/.test(line[start]!)) return null;
  for (;;) {
    if (line[start - 1] === "#") start--;
    const before = memberBefore(line, start);
    if (before === null) break;
    if (before < 0) return null;
    start = before;
  }
  const text = line.slice(start, end);
  if (keywords.has(text)) return null;
  return { text: withoutAssertions(text), start, end };
}

/** `x.grad!.sum` as JavaScript has it. */
export function withoutAssertions(text: string): string {
  return text.replace(/!+(?=[.[)\s]|$)/g, "");
}

/** Names in a line that may be variables, with their columns: not members, keys or keywords, nor anything in a string or comment. */
export function namesIn(line: string): { name: string; start: number }[] {
  const plain = blankTexts(line);
  const names: { name: string; start: number }[] = [];
  for (const match of plain.matchAll(
    /(?<![\w$.#\u00aa-\uffff])[A-Za-z_$\u00aa-\uffff][\w$\u00aa-\uffff]*/g,
  )) {
    const name = match[0];
    const rest = plain.slice(match.index + name.length);
    const isCalled = /^\s*(\?\.)?\(/.test(rest);
    if (!keywords.has(name) && name !== "this" && !isCalled) names.push({ name, start: match.index });
  }
  return names;
}

/** Where the word that ends at `end` begins. */
function wordStart(line: string, end: number): number {
  let start = end;
  while (start > 0 && wordCharacter.test(line[start - 1]!)) start--;
  return start;
}

/** Where what stands before the `.` at `at` begins; null where there is no `.`, -1 where it cannot be evaluated. */
function memberBefore(line: string, at: number): number | null {
  if (line[at - 1] !== "." || line[at - 2] === ".") return null;
  let end = at - 1;
  if (line[end - 1] === "?") end--;
  for (;;) {
    while (line[end - 1] === "!") end--;
    if (line[end - 1] !== "]") break;
    end = openingBracket(line, end - 1);
    if (end < 0) return -1;
    if (line[end - 1] === "." && line[end - 2] === "?") end -= 2;
  }
  const start = wordStart(line, end);
  return start === end || /\d/.test(line[start]!) ? -1 : start;
}

/** The `[` of the `]` at `at`; -1 where there is none in this line, and where a call stands between them. */
function openingBracket(line: string, at: number): number {
  for (let depth = 0; at >= 0; at--) {
    if (line[at] === "]") depth++;
    else if (line[at] === "[" && --depth === 0) return at;
    else if (/[()=;`]/.test(line[at]!)) return -1;
  }
  return -1;
}

/** The line with blanks in place of strings and comments; what stands in `${}` of a template is kept. */
function blankTexts(line: string): string {
  return line
    .replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, (text) => " ".repeat(text.length))
    .replace(/`(?:\\.|[^`\\])*`/g, (text) =>
      text.replace(/(^|\})[^$}]*(?=\$\{|$)/g, (plain) => " ".repeat(plain.length)).replaceAll("${", "  "),
    )
    .replace(/\/\/.*|\/\*.*?(\*\/|$)|^\s*\*.*/g, (text) => " ".repeat(text.length));
}
