// Numbers as people read them: values, counts, bytes, durations, clock times.

/** Four significant digits; exponents for the very large and the very small. */
export function formatValue(value: number | null): string {
  if (value === null) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+∞";
  if (value === -Infinity) return "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return minus(shortExponent(value.toExponential(3)));
  const text = size >= 1000 ? formatCount(Math.round(value)) : value.toPrecision(4);
  return minus(text.includes(".") ? text.replace(/\.?0+$/, "") : text);
}

/** 1234567 → 1,234,567 */
export function formatCount(value: number): string {
  return minus(
    Math.round(value)
      .toString()
      .replace(/\B(?=(\d{3})+(?!\d))/g, ","),
  );
}

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function formatBytes(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return formatValue(value);
  const size = Math.abs(value);
  let unit = 0;
  while (unit < byteUnits.length - 1 && size >= 1024 ** (unit + 1)) unit++;
  const scaled = value / 1024 ** unit;
  const text = unit === 0 ? Math.round(scaled).toString() : scaled.toPrecision(scaled >= 1000 ? 4 : 3);
  return minus(`${text.includes(".") ? text.replace(/\.?0+$/, "") : text} ${byteUnits[unit]!}`);
}

/** Seconds as "850 ms", "12.5 s", "2 min 05 s", "1 h 02 min", "3 d 04 h". */
export function formatDuration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  if (seconds < 0) return minus(`-${formatDuration(-seconds)}`);
  if (seconds === 0) return "0 s";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${String(Math.round(seconds * 10) / 10)} s`;
  const whole = Math.round(seconds);
  const two = (value: number): string => value.toString().padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${two(Math.floor((whole % 86400) / 3600))} h`;
}

/** Seconds since 1970 as local time of day, "14:05:09". */
export function formatClock(seconds: number): string {
  const date = new Date(seconds * 1000);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => part.toString().padStart(2, "0"))
    .join(":");
}

export type Unit = "" | "bytes" | "samples/s" | "ms" | "%" | "°C" | "W";

export function formatWithUnit(value: number | null, unit: Unit): string {
  if (unit === "bytes") return formatBytes(value);
  if (unit === "" || value === null || !Number.isFinite(value)) return formatValue(value);
  return `${formatValue(value)} ${unit}`;
}

/** Axis labels: no more digits than tell two ticks apart, and the same form for all ticks of an axis. */
export function formatTick(value: number, distance: number, unit: Unit): string {
  if (unit === "bytes") return formatByteTick(value, distance);
  if (value === 0) return "0";
  const size = Math.abs(value);
  const decimals = Math.max(0, -Math.floor(Math.log10(Math.abs(distance)) + 1e-9));
  if (size < 1e6 && decimals <= 4)
    return minus(size >= 1000 && decimals === 0 ? formatCount(value) : value.toFixed(decimals));
  const digits = Math.max(
    0,
    Math.floor(Math.log10(size) + 1e-9) - Math.floor(Math.log10(Math.abs(distance)) + 1e-9),
  );
  if (size >= 1e6 && size < 1e12) return minus(suffix(value, digits));
  return minus(shortExponent(value.toExponential(Math.min(digits, 3))));
}

/** Exact, for ticks a power of two apart: in a smaller unit where it would take more than three decimals. */
function formatByteTick(value: number, distance: number): string {
  const size = Math.abs(value);
  let unit = 0;
  while (unit < byteUnits.length - 1 && size >= 1024 ** (unit + 1) && distance >= 1024 ** (unit + 1) / 8)
    unit++;
  return minus(`${Number((value / 1024 ** unit).toFixed(3))} ${byteUnits[unit]!}`);
}

function suffix(value: number, digits: number): string {
  const size = Math.abs(value);
  const [factor, letter] = size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  const scaled = value / factor;
  const before = Math.floor(Math.log10(Math.abs(scaled)));
  return `${scaled.toFixed(Math.max(0, digits - before))}${letter}`;
}

/** 1.500e-7 → 1.5e-7 */
function shortExponent(text: string): string {
  return text.replace(/\.?0*e/, "e").replace("e+", "e");
}

/** A true minus sign, as wide as a plus. */
function minus(text: string): string {
  return text.startsWith("-") ? `−${text.slice(1)}` : text;
}
