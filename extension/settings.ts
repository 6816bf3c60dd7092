// The settings of the extension, read by the names and with the types of the table in contributions.ts.

import type { Disposable, Uri } from "vscode";
import type { Editor } from "./app.js";
import type { SettingKey, SettingValue } from "./contributions.js";

export class Settings {
  readonly #editor: Editor;

  constructor(editor: Editor) {
    this.#editor = editor;
  }

  /** The value for `resource`, or for the window. A value of another type than the table's counts as not set. */
  get<K extends SettingKey>(key: K, fallback: SettingValue<K>, resource?: Uri): SettingValue<K> {
    const value = this.#editor.workspace.getConfiguration(undefined, resource ?? null).get<unknown>(key);
    return typeof value === typeof fallback ? (value as SettingValue<K>) : fallback;
  }

  onDidChange(key: SettingKey, listener: () => void): Disposable {
    return this.#editor.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(key)) listener();
    });
  }
}
