// PTX as a module file: every kernel can be had by itself, so that the driver compiles only kernels that are called, and the
// whole is compressed. modules.cpp is the reader and has the other half of the format.
//
//   descent cuda 1
//   ptx 63                                    lowest PTX version that has all it needs: 6.3
//   target sm_75
//   block OFFSET PACKED SIZE                  bytes in the data; block 0 is what every kernel needs
//   entry NAME BLOCK BEGIN LENGTH             a kernel: where it stands in its block
//   (an empty line, then the data: the blocks, each in the block format of LZ4)

const blockSize = 1 << 18;

/** The bytes of a module file. */
export function pack(ptx) {
  const { version, target, prelude, entries } = split(ptx);
  const blocks = [Buffer.from(prelude)];
  const lines = [];
  let open = [];
  let size = 0;
  const close = () => {
    if (size > 0) blocks.push(Buffer.concat(open));
    open = [];
    size = 0;
  };
  for (const { name, text } of entries) {
    const bytes = Buffer.from(text);
    if (size + bytes.length > blockSize) close();
    lines.push(`entry ${name} ${blocks.length} ${size} ${bytes.length}`);
    open.push(bytes);
    size += bytes.length;
  }
  close();
  const packed = blocks.map(compress);
  let offset = 0;
  const table = packed.map((bytes, k) => {
    const line = `block ${offset} ${bytes.length} ${blocks[k].length}`;
    offset += bytes.length;
    return line;
  });
  const head = ["descent cuda 1", `ptx ${version.replace(".", "")}`, `target ${target}`, ...table, ...lines];
  return Buffer.concat([Buffer.from(`${head.join("\n")}\n\n`), ...packed]);
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

/** One block in the block format of LZ4: greedy, the last place of each four bytes is remembered. */
export function compress(bytes) {
  const out = Buffer.alloc(bytes.length + Math.ceil(bytes.length / 255) + 64);
  const places = new Int32Array(1 << 16).fill(-1);
  const lastMatch = bytes.length - 12; // the format wants literals at the end
  let at = 0;
  let anchor = 0;
  let used = 0;
  const length = (count) => {
    for (; count >= 255; count -= 255) out[used++] = 255;
    out[used++] = count;
  };
  const emit = (literals, distance, match) => {
    out[used++] = (Math.min(literals, 15) << 4) | Math.min(match, 15);
    if (literals >= 15) length(literals - 15);
    used += bytes.copy(out, used, anchor, anchor + literals);
    if (distance === 0) return;
    out[used++] = distance & 255;
    out[used++] = distance >> 8;
    if (match >= 15) length(match - 15);
  };
  while (at < lastMatch) {
    const four = bytes.readInt32LE(at);
    const slot = Math.imul(four, -1640531535) >>> 16;
    const candidate = places[slot];
    places[slot] = at;
    if (candidate < 0 || at - candidate > 65535 || bytes.readInt32LE(candidate) !== four) {
      at++;
      continue;
    }
    let match = 4;
    const most = bytes.length - 5 - at;
    while (match < most && bytes[candidate + match] === bytes[at + match]) match++;
    emit(at - anchor, at - candidate, match - 4);
    at += match;
    anchor = at;
  }
  emit(bytes.length - anchor, 0, 0);
  return out.subarray(0, used);
}
