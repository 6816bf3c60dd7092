// Derives the manifest fields of package.json from the tables in contributions.ts.

import {
  activationEvents,
  commands,
  debuggers,
  settings,
  views,
  viewsContainers,
  viewsWelcome,
  type CommandRow,
} from "./contributions.js";

const category = "Descent";

/** Every field of package.json that the table decides. */
export function manifestFields(): Record<string, unknown> {
  return {
    main: "./dist/extension/main.cjs",
    icon: "extension/media/icon.png",
    categories: ["Machine Learning", "Data Science", "Debuggers", "Visualization"],
    keywords: ["neural network", "training", "tensor", "autograd", "deep learning"],
    extensionKind: ["workspace"],
    capabilities: {
      untrustedWorkspaces: {
        supported: "limited",
        description:
          "Training runs code of the workspace, so it is off until the workspace is trusted. Recorded runs can be looked at.",
        restrictedConfigurations: ["descent.nodePath"],
      },
      virtualWorkspaces: {
        supported: false,
        description: "Training needs the files of the workspace on a disk.",
      },
    },
    activationEvents,
    contributes: contributes(),
  };
}

function contributes(): Record<string, unknown> {
  const shown = commands.filter((row) => row.hidden !== true);
  return {
    commands: shown.map(({ id, title, icon }) => ({
      command: id,
      title,
      category,
      ...(icon === undefined ? {} : { icon }),
    })),
    menus: menus(shown),
    keybindings: shown.flatMap((row) =>
      row.key === undefined ? [] : [{ command: row.id, key: row.key.key, when: row.key.when }],
    ),
    configuration: {
      title: "Descent",
      properties: Object.fromEntries(
        Object.entries(settings).map(([key, row], order) => [key, { ...row, order }]),
      ),
    },
    viewsContainers,
    views,
    viewsWelcome,
    debuggers,
    typescriptServerPlugins: [
      { name: "descent-typescript-plugin", enableForWorkspaceTypeScriptVersions: true },
    ],
  };
}

function menus(rows: CommandRow[]): Record<string, unknown[]> {
  const result: Record<string, unknown[]> = {
    commandPalette: rows
      .filter((row) => row.palette !== "")
      .map((row) => ({ command: row.id, when: row.palette === "never" ? "false" : row.palette })),
  };
  for (const row of rows) {
    for (const { menu, when, group } of row.menus ?? []) {
      (result[menu] ??= []).push({ command: row.id, when, group });
    }
  }
  return result;
}
