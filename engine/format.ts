// Bytes as people read them, for the engine's own tables and the command line.

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** "512 B", "1.5 KiB", "21.5 GiB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]!}`;
}
