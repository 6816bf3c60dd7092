// Short ways to make elements; text goes in as text, never as markup.

export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  if (className !== "") element.className = className;
  element.append(...children);
  return element;
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces children only when what they show has changed, so that focus and hover stay. */
export function rebuild(element: HTMLElement, key: string, children: () => (Node | string)[]): void {
  if (element.dataset["shows"] === key) return;
  element.dataset["shows"] = key;
  element.replaceChildren(...children());
}

export interface ToolOptions {
  label: string;
  title: string;
  /** What stands in it: the label, unless it is something else. */
  content?: Node | string;
  onClick: () => void;
}

/** A small flat button. */
export function tool({ label, title, content, onClick }: ToolOptions): HTMLButtonElement {
  const element = make("button", "tool", content ?? label);
  element.type = "button";
  element.title = title;
  if (content !== undefined) element.setAttribute("aria-label", label);
  element.addEventListener("click", onClick);
  return element;
}

/** A small native choice: short lists beside data, where the toolkit's is too large. */
export function choice(
  label: string,
  options: readonly { value: string; text: string }[],
  onChange: (value: string) => void,
): HTMLSelectElement {
  const element = make("select", "choice");
  element.setAttribute("aria-label", label);
  element.title = label;
  setOptions(element, options);
  element.addEventListener("change", () => {
    onChange(element.value);
  });
  return element;
}

export function setOptions(
  element: HTMLSelectElement,
  options: readonly { value: string; text: string }[],
): void {
  rebuild(element, JSON.stringify(options), () =>
    options.map(({ value, text }) => {
      const option = make("option", "", text);
      option.value = value;
      return option;
    }),
  );
}

/** A canvas as large as its element in device pixels, cleared, and in CSS pixels from then on. */
export function prepareCanvas(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const ratio = globalThis.devicePixelRatio || 1;
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}
