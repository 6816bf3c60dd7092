// Where the registry's runs come from: the run store's folders, and the monitor's socket of a live one.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { runsFolder } from "../../engine/protocol.js";
import { connectToRun } from "../../engine/runtime/client.js";
import { isProcessAlive } from "../../engine/store/processes.js";
import { deleteRun, readRun, renameEndedRun } from "../../engine/store/runs.js";
import type { RunSource } from "./registry.js";

export const runSource: RunSource = {
  async list(root) {
    const folder = join(root, runsFolder);
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
  },

  read: (folder) =>
    new Promise((resolve) => {
      try {
        resolve(readRun(folder).record);
      } catch {
        resolve(null);
      }
    }),

  async connect(record) {
    const connection = await connectToRun(record, "editor");
    return {
      control: (method) => connection.request(method, {}),
      rename: (name) => connection.request("rename", { name }),
      inspect: async (pin, ask) => {
        try {
          return await connection.request("inspect", { pin, ask });
        } catch (error) {
          const { message } = error as Error;
          throw new Error(message.replace(/^Request \w+ failed with message: /, ""), { cause: error });
        }
      },
      release: async (pins) => {
        await connection.request("release", { pins });
      },
      breakWhen: async (breakWhen) => {
        await connection.request("breakWhen", { breakWhen });
      },
      onChanged: (listener) => void connection.on("changed", listener),
      onFlushed: (listener) => {
        connection.on("flushed", () => {
          listener();
        });
      },
      onClosed: (listener) => void connection.onClosed(listener),
      dispose: () => {
        connection.close();
      },
    };
  },

  kill({ pid, pidStart }) {
    if (!isProcessAlive(pid, pidStart)) return Promise.resolve(false);
    process.kill(pid, "SIGKILL");
    return Promise.resolve(true);
  },

  rename(folder, name) {
    return new Promise((resolve) => {
      renameEndedRun(folder, name);
      resolve();
    });
  },

  remove(folder) {
    return new Promise((resolve) => {
      deleteRun(folder);
      resolve();
    });
  },
};
