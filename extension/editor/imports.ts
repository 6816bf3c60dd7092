// Does a source text import descent? Decides about buttons, CodeLens and F5, so it looks at the text only and is fast.

const languages = new Set(["typescript", "javascript"]);
const extensions = /\.(?:ts|mts|cts|js|mjs|cjs)$/i;

/** Lines of imports stand at the top; a file that has none in its first 64 KB is not looked at further. */
const lookedAt = 65_536;

const importsDescent = new RegExp(
  [
    String.raw`^[ \t]*import\s+(?!type\b)[^"';]*?\bfrom\s*["']descent["']`, // import { nn } from "descent"
    String.raw`^[ \t]*import\s*["']descent["']`, // import "descent"
    String.raw`\b(?:import|require)\(\s*["']descent["']\s*\)`, // await import("descent"), require("descent")
  ].join("|"),
  "m",
);

/** The languages a training script is written in. */
export function isScriptLanguage(languageId: string): boolean {
  return languages.has(languageId);
}

export function isScriptFile(path: string): boolean {
  return extensions.test(path) && !/\.d\.[mc]?ts$/i.test(path);
}

/** Offset of the first import of descent (not of its types only), or -1. */
export function findDescentImport(text: string): number {
  const code = blankComments(text.slice(0, lookedAt));
  return importsDescent.exec(code)?.index ?? -1;
}

/** The text with comments as spaces, so that offsets stay. Strings are left alone. */
function blankComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (whole, quoted: string | undefined) => quoted ?? whole.replace(/[^\n]/g, " "),
  );
}
