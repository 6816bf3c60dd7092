// Numbers as descriptions in a debugger say them. Only what a debugger takes for free of side effects: no regular expressions, no locale.

/** Three digits that count: "0.99", "2e-3", "1.25e6". */
export function formatNumber(x: number): string {
  if (x === 0) return "0";
  if (x !== x) return "NaN";
  const size = x < 0 ? -x : x;
  if (size === Infinity) return x < 0 ? "-Inf" : "Inf";
  if (size >= 0.01 && size < 99_950) return String(Number(x.toPrecision(3)));
  // "1.50e+7" → "1.5e7"
  const text = x.toExponential(2);
  const e = text.indexOf("e");
  const power = Number(text.slice(e + 1));
  return `${String(Number(text.slice(0, e)))}e${power}`;
}

/** A whole number in full up to nine digits. */
export function formatInteger(x: number): string {
  return x > -1e9 && x < 1e9 ? String(x) : formatNumber(x);
}

/** "100,480" */
export function formatCount(count: number): string {
  const digits = String(count);
  let text = "";
  for (let k = 0; k < digits.length; k++) {
    if (k > 0 && (digits.length - k) % 3 === 0) text += ",";
    text += digits[k]!;
  }
  return text;
}

/** "3 layers", "1 layer" */
export function formatMany(count: number, one: string): string {
  return `${formatCount(count)} ${one}${count === 1 ? "" : "s"}`;
}

/** "32, 128" */
export function joined(items: readonly unknown[], between = ", "): string {
  let text = "";
  for (let k = 0; k < items.length; k++) text += k === 0 ? String(items[k]) : between + String(items[k]);
  return text;
}

const heights = "▁▂▃▄▅▆▇█";

/** A bar for each of the counts; none is as low as the lowest. */
export function sparkline(counts: readonly number[]): string {
  let most = 0;
  for (const count of counts) if (count > most) most = count;
  if (most === 0) return "";
  let text = "";
  for (const count of counts) text += heights[Math.round((count / most) * (heights.length - 1))]!;
  return text;
}
