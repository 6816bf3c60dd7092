// Copy and save: TypeScript, CSV and npy of the slice or of everything, made where the tensor is, and the picture as PNG.

import type { ExportAsk } from "../../../engine/inspection.js";
import type { FromInspector, InspectedTensor } from "../../protocol.js";
import type { Answers } from "./answers.js";
import type { Choices } from "./choices.js";
import { formatBytes } from "../../chart/format.js";
import { make, tool } from "./dom.js";
import type { Source } from "./model.js";
import { extentOf, indexAt } from "./slicing.js";

/** More text than this is for a file. */
const mostCopied = 2_000_000;

export interface ExportState {
  tensor: InspectedTensor;
  source: Source;
  choices: Choices;
  canvas: HTMLCanvasElement | null;
}

type Format = ExportAsk["format"];

export class Exporting {
  readonly element = make("details", "export");
  #answers: Answers;
  #send: (message: FromInspector) => void;
  #tell: (text: string) => void;
  #state: ExportState | null = null;
  #whole = make("input", "");
  #png: HTMLButtonElement;

  constructor(answers: Answers, send: (message: FromInspector) => void, tell: (text: string) => void) {
    this.#answers = answers;
    this.#send = send;
    this.#tell = tell;
    const summary = make("summary", "tool", "Copy and save");
    this.#whole.type = "checkbox";
    const scope = make("label", "export-scope", this.#whole, "the whole tensor, not only the slice");
    const item = (label: string, title: string, onClick: () => void): HTMLButtonElement => {
      const button = tool({
        label,
        title,
        onClick: () => {
          this.element.open = false;
          onClick();
        },
      });
      return button;
    };
    this.#png = item("Save the picture as PNG", "What is on screen, as it is drawn", () => {
      this.#savePicture();
    });
    const menu = make(
      "div",
      "export-menu",
      item("Copy as TypeScript", "tensor([[…]]), to paste into code", () => {
        this.#export("typescript", "copy");
      }),
      item("Copy as CSV", "Comma-separated values", () => {
        this.#export("csv", "copy");
      }),
      item("Save as npy", "The file format of NumPy, read by descent.io and Python", () => {
        this.#export("npy", "save");
      }),
      item("Save as CSV", "Comma-separated values", () => {
        this.#export("csv", "save");
      }),
      this.#png,
      scope,
    );
    this.element.append(summary, menu);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.element.open = false;
      summary.focus();
    });
    this.element.addEventListener("focusout", (event) => {
      const to = event.relatedTarget;
      if (to instanceof Node && !this.element.contains(to)) this.element.open = false;
    });
  }

  update(state: ExportState): void {
    this.#state = state;
    this.#png.disabled = state.canvas === null;
  }

  #export(format: Format, how: "copy" | "save"): void {
    const state = this.#state;
    if (state === null) return;
    const { source, choices, tensor } = state;
    const { rows, columns } = extentOf(choices.slice, source.shape);
    const slice = {
      index: indexAt(choices.slice, 0, 0),
      ...{ rowDim: choices.slice.rowDim, columnDim: choices.slice.columnDim },
      ...{
        row: rows.from,
        column: columns.from,
        rows: rows.to - rows.from,
        columns: columns.to - columns.from,
      },
    };
    const ask: ExportAsk & { kind: "export" } = {
      ...{ kind: "export", part: source.part, format },
      ...(this.#whole.checked || source.shape.length === 0 ? {} : { slice }),
    };
    this.#answers.now(source, ask, (outcome) => {
      if ("problem" in outcome) {
        this.#tell(outcome.problem);
        return;
      }
      const { bytes } = outcome.answer;
      if (how === "save") {
        const extension = format === "typescript" ? "ts" : format;
        this.#send({ type: "save", name: `${fileName(tensor.expression, source.part)}.${extension}`, bytes });
      } else if (bytes.byteLength > mostCopied) {
        this.#tell(
          `${formatBytes(bytes.byteLength)} of text are too much to copy: save it as a file, or take a part.`,
        );
      } else this.#send({ type: "copy", text: new TextDecoder().decode(bytes) });
    });
  }

  #savePicture(): void {
    const state = this.#state;
    const canvas = state?.canvas ?? null;
    if (state === null || canvas === null) return;
    const { tensor, source } = state;
    canvas.toBlob((blob) => {
      if (blob === null) {
        this.#tell("The picture could not be made into a file.");
        return;
      }
      void blob.arrayBuffer().then((bytes) => {
        this.#send({ type: "save", name: `${fileName(tensor.expression, source.part)}.png`, bytes });
      });
    }, "image/png");
  }
}

/** "this.fc1.weight" → "fc1.weight": what every file system takes. */
export function fileName(expression: string, part: "value" | "grad"): string {
  const name = expression
    .replace(/^this\./, "")
    .replace(/[^\w.-]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "")
    .slice(0, 80);
  return `${name === "" ? "tensor" : name}${part === "grad" ? ".grad" : ""}`;
}
