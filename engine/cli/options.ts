// Reads a command's arguments: one table of options a command, one wording for every mistake.

/** value: `--name N` or `--name=N`; flag: `--json`; maybe: `--inspect-brk` or `--inspect-brk=9230`. */
export interface Option {
  kind: "value" | "flag" | "maybe";
  /** Shown for the value in the help. */
  placeholder?: string;
  sentence: string;
}

export type OptionTable = Record<string, Option>;

export interface Given {
  positional: string[];
  /** "" for a flag. */
  options: Partial<Record<string, string>>;
  /** What follows `--`. */
  rest: string[];
}

/** A mistake of the user's: printed as one sentence, exit status 2. */
export class UsageError extends Error {}

/** `takesRest`: whether arguments for a script may follow after `--`. */
export function parseOptions(args: readonly string[], table: OptionTable, takesRest = false): Given {
  const given: Given = { positional: [], options: {}, rest: [] };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      given.rest = args.slice(i + 1);
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      given.positional.push(arg);
      continue;
    }
    const equals = arg.indexOf("=");
    const name = (equals < 0 ? arg : arg.slice(0, equals)).replace(/^--?/, "");
    const option = Object.hasOwn(table, name) ? table[name]! : undefined;
    if (option === undefined) throw new UsageError(unknown(arg, table, takesRest));
    if (option.kind === "flag" && equals >= 0) throw new UsageError(`--${name} takes no value.`);
    if (option.kind === "value" && equals < 0) {
      const next = args[++i];
      if (next === undefined || next.startsWith("--"))
        throw new UsageError(`--${name} needs a value: --${name} ${option.placeholder ?? "VALUE"}.`);
      given.options[name] = next;
    } else given.options[name] = equals < 0 ? "" : arg.slice(equals + 1);
  }
  return given;
}

function unknown(arg: string, table: OptionTable, takesRest: boolean): string {
  const known = Object.keys(table).map((name) => `--${name}`);
  const hint = takesRest ? " Arguments for the script follow after '--'." : "";
  return `There is no option ${arg} here; there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}.${hint}`;
}

/** @throws UsageError unless there are exactly so many positionals. */
export function expectPositionals(given: Given, names: readonly string[], atLeast = names.length): void {
  const count = given.positional.length;
  if (count < atLeast) throw new UsageError(`${names[count]!} is missing.`);
  if (count > names.length)
    throw new UsageError(`'${given.positional[names.length]!}' is one argument too many.`);
}
