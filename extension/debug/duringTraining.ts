// What is there only while a training is debugged: the expression under the mouse, inline values, the key that menus look at.
// A provider of inline values switches them on for every session of its language, so none may outlive ours.

import type { Editor } from "../app.js";
import { HoveredExpression } from "../editor/hover.js";
import { InlineTensors } from "../editor/inlineValues.js";
import type { Disposable } from "../event.js";
import { contextKeys } from "../names.js";
import type { Settings } from "../settings.js";
import type { Trainings } from "./trainings.js";

const languages = ["typescript", "javascript"].map((language) => ({ language }));

export class DuringTraining {
  readonly #editor: Editor;
  readonly #settings: Settings;
  readonly #trainings: Trainings;
  readonly #listening: Disposable[];
  #hover: Disposable | null = null;
  #inlineValues: Disposable | null = null;
  #isStopped = false;

  constructor(editor: Editor, settings: Settings, trainings: Trainings) {
    this.#editor = editor;
    this.#settings = settings;
    this.#trainings = trainings;
    const update = () => {
      this.#update();
    };
    this.#listening = [
      trainings.onDidChange(update),
      settings.onDidChange("descent.debug.inlineValues", update),
    ];
  }

  #update(): void {
    const { languages: registry, commands } = this.#editor;
    const trainings = this.#trainings.all();
    const isDebugging = trainings.length > 0;
    this.#hover = keep(this.#hover, isDebugging, () =>
      registry.registerEvaluatableExpressionProvider(languages, new HoveredExpression(this.#editor)),
    );
    const wantsValues = isDebugging && this.#settings.get("descent.debug.inlineValues", true);
    this.#inlineValues = keep(this.#inlineValues, wantsValues, () =>
      registry.registerInlineValuesProvider(languages, new InlineTensors(this.#editor, this.#trainings)),
    );
    const isStopped = trainings.some(({ state }) => state === "stopped");
    if (isStopped === this.#isStopped) return;
    this.#isStopped = isStopped;
    void commands.executeCommand("setContext", contextKeys.trainingStopped, isStopped);
  }

  dispose(): void {
    for (const listening of this.#listening) listening.dispose();
    this.#hover?.dispose();
    this.#inlineValues?.dispose();
  }
}

function keep(there: Disposable | null, wanted: boolean, register: () => Disposable): Disposable | null {
  if (wanted) return there ?? register();
  there?.dispose();
  return null;
}
