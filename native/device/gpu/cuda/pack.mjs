// PTX as a module file: every kernel can be had by itself, so that the driver compiles only kernels that are called, and the
// whole is packed by Brotli, whose window holds all variants of a kernel (PTX of ten types is a tenth of its LZ4 size).
// modules.cpp is the reader and has the other half of the format.
//
//   descent cuda 2
//   ptx 63                   lowest PTX version that has all it needs: 6.3
//   target sm_75
//   prelude LENGTH           bytes at the start of the unpacked text that every kernel needs
//   entry NAME BEGIN LENGTH  a kernel: where it stands in the unpacked text
//   (an empty line, then the packed text)

import { brotliCompressSync, constants } from "node:zlib";

/** The bytes of a module file. */
export function pack(ptx) {
  const { version, target, prelude, entries } = split(ptx);
  const texts = [Buffer.from(prelude)];
  const head = [
    "descent cuda 2",
    `ptx ${version.replace(".", "")}`,
    `target ${target}`,
    `prelude ${texts[0].length}`,
  ];
  let begin = texts[0].length;
  for (const { name, text } of entries) {
    const bytes = Buffer.from(text);
    head.push(`entry ${name} ${begin} ${bytes.length}`);
    texts.push(bytes);
    begin += bytes.length;
  }
  const packed = brotliCompressSync(Buffer.concat(texts), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 },
  });
  return Buffer.concat([Buffer.from(`${head.join("\n")}\n\n`), packed]);
}

/** A PTX text as its kernels and the rest of it; comments and layout are dropped. */
export function split(ptx) {
  const text = ptx
    .replaceAll(/\/\/[^\n]*/g, "")
    .replaceAll(/[ \t]+/g, " ")
    .replaceAll(/ *\n\s*/g, "\n")
    .replaceAll(/, /g, ",");
  const starts = /^(?:\.visible |\.weak )?\.entry (\w+)/gm;
  const entries = [];
  let prelude = "";
  let from = 0;
  for (let found = starts.exec(text); found; found = starts.exec(text)) {
    let depth = 0;
    let end = text.indexOf("{", found.index);
    do {
      const character = text[end++];
      if (character === "{") depth++;
      else if (character === "}") depth--;
      if (end > text.length) throw new Error(`the PTX of ${found[1]} has no end`);
    } while (depth > 0);
    prelude += text.slice(from, found.index);
    entries.push({ name: found[1], text: text.slice(found.index, end) + "\n" });
    from = starts.lastIndex = end;
  }
  prelude += text.slice(from);
  const version = /^\.version (\d+\.\d+)/m.exec(prelude)?.[1];
  const target = /^\.target (\w+)/m.exec(prelude)?.[1];
  if (!version || !target) throw new Error("the PTX has no .version or no .target");
  return { version, target, prelude: prelude.trimStart(), entries };
}
