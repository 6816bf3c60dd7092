// One element as text: exactly, for a readout and for copying, and shortly, for a cell that has little room.

/** So many significant digits tell all elements of a dtype apart. */
const digitsOf: Readonly<Record<string, number>> = { float16: 5, bfloat16: 4, float32: 9 };

/** The shortest decimal number that is this element and no other of its dtype. */
export function exactText(value: number | bigint, dtype: string): string {
  if (typeof value === "bigint") return minus(value.toString());
  const odd = oddText(value);
  if (odd !== null) return odd;
  if (dtype === "bool") return value === 0 ? "false" : "true";
  const digits = digitsOf[dtype];
  if (digits === undefined || Number.isInteger(value)) return minus(plain(value));
  for (let count = 1; count <= digits; count++) {
    const short = Number(value.toPrecision(count));
    if (roundTo(short, dtype) === value) return minus(plain(short));
  }
  return minus(plain(value));
}

/** At most `digits` significant digits, for cells. */
export function shortText(value: number | bigint, dtype: string, digits = 4): string {
  if (typeof value === "bigint") return minus(value.toString());
  const odd = oddText(value);
  if (odd !== null) return odd;
  if (dtype === "bool") return value === 0 ? "false" : "true";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return minus(value.toString());
  if (size >= 10 ** digits * 10 || size < 1e-3) {
    return minus(
      value
        .toExponential(Math.max(0, digits - 2))
        .replace(/\.?0*e/, "e")
        .replace("e+", "e"),
    );
  }
  const text = value.toPrecision(digits);
  return minus(text.includes(".") && !text.includes("e") ? text : String(Number(text)));
}

/** For a limit or a mean: no more than `digits` digits, and no zeros at their end. */
export function roundText(value: number, digits = 5): string {
  return oddText(value) ?? minus(String(Number(value.toPrecision(digits))).replace("e+", "e"));
}

export function oddText(value: number): "NaN" | "+Inf" | "−Inf" | null {
  if (Number.isNaN(value)) return "NaN";
  return value === Infinity ? "+Inf" : value === -Infinity ? "−Inf" : null;
}

/** Whether elements of the dtype are whole numbers. */
export function isIntegral(dtype: string): boolean {
  return /^u?int\d+$/.test(dtype) || dtype === "bool";
}

/** As TypeScript and spreadsheets write it. */
export function codeText(value: number | bigint): string {
  if (typeof value === "bigint") return value.toString();
  return Number.isNaN(value) ? "NaN" : String(value);
}

function plain(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value).replace("e+", "e");
}

function minus(text: string): string {
  return text.startsWith("-") ? `−${text.slice(1)}` : text;
}

function roundTo(value: number, dtype: string): number {
  if (dtype === "float32") return Math.fround(value);
  // float16 and bfloat16 have 11 and 8 bits of mantissa; below their normal range steps stay as wide as at its edge.
  const [bits, least] = dtype === "float16" ? [11, -14] : [8, -126];
  const exponent = Math.max(least, Math.floor(Math.log2(Math.abs(value))));
  const step = 2 ** (exponent - bits + 1);
  const steps = value / step;
  const down = Math.floor(steps);
  const even = steps - down === 0.5 ? down + (down % 2) : Math.round(steps);
  return even * step;
}
