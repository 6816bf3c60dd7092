#!/usr/bin/env node
// The `descent` command: one table of its commands, and what happens to mistakes.

import { devicesCommand, doctorCommand, machineOptions } from "./machineCommands.js";
import { parseOptions, UsageError, type Given, type OptionTable } from "./options.js";
import { runCommand, runOptions } from "./runCommand.js";
import {
  compareCommand,
  exportCommand,
  exportOptions,
  runsCommand,
  showCommand,
  storeOptions,
} from "./storeCommands.js";

interface Command {
  usage: string;
  sentence: string;
  options: OptionTable;
  /** The exit status. */
  run: (given: Given) => number | Promise<number>;
}

const commands: Record<string, Command> = {
  run: {
    usage: "run train.ts [options] [-- arguments of the script]",
    sentence: "runs a training script and records it; the exit status is the script's",
    options: runOptions,
    run: runCommand,
  },
  runs: { usage: "runs", sentence: "lists the runs, newest first", options: storeOptions, run: runsCommand },
  show: {
    usage: "show ID",
    sentence: "shows one run: state, config, series",
    options: storeOptions,
    run: showCommand,
  },
  compare: {
    usage: "compare A B",
    sentence: "shows runs side by side",
    options: storeOptions,
    run: compareCommand,
  },
  export: {
    usage: "export ID --tensorboard DIR",
    sentence: "copies a run for another tool",
    options: exportOptions,
    run: exportCommand,
  },
  devices: {
    usage: "devices",
    sentence: "lists the devices found",
    options: machineOptions,
    run: devicesCommand,
  },
  doctor: {
    usage: "doctor",
    sentence: "checks what is installed and says what to do",
    options: machineOptions,
    run: doctorCommand,
  },
};

const generalHelp = [
  "descent: trains neural networks written in TypeScript, and keeps what they did.",
  "",
  ...Object.values(commands).map(({ usage, sentence }) => `  descent ${usage}\n      ${sentence}`),
  "",
  "An ID is a run's id or name, or the beginning of one. 'descent COMMAND --help' lists a command's options.",
  "",
].join("\n");

function commandHelp({ usage, sentence, options }: Command): string {
  const left = (name: string): string => {
    const { kind, placeholder = "VALUE" } = options[name]!;
    return `--${name}${kind === "value" ? ` ${placeholder}` : kind === "maybe" ? `[=${placeholder}]` : ""}`;
  };
  const width = Math.max(...Object.keys(options).map((name) => left(name).length));
  const lines = Object.entries(options).map(
    ([name, option]) => `  ${left(name).padEnd(width)}  ${option.sentence}`,
  );
  return [`descent ${usage}`, `    ${sentence}`, "", ...lines, ""].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(generalHelp);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name]! : undefined;
  if (command === undefined) {
    process.stderr.write(
      `descent: There is no command '${name}'; there are ${Object.keys(commands).join(", ")}.\n`,
    );
    return 2;
  }
  const end = rest.indexOf("--");
  if (rest.slice(0, end < 0 ? rest.length : end).some((arg) => arg === "--help" || arg === "-h")) {
    process.stdout.write(commandHelp(command));
    return 0;
  }
  try {
    return await command.run(parseOptions(rest, command.options, command.run === runCommand));
  } catch (error) {
    const text = (error instanceof Error ? error.message : String(error)).replace(/^descent: /, "");
    process.stderr.write(`descent ${name}: ${text}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

// `descent runs | head` closes the pipe early: nobody reads any more, which is no mistake.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
