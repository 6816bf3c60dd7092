// A scroll bar that knows elements and not pixels: a browser's own ends at 33 million pixels, a tensor does not.

import { make } from "./dom.js";
import { clamp, type Range } from "./slicing.js";

const leastThumb = 24;

export class Scrollbar {
  readonly element: HTMLElement;
  #thumb = make("div", "scroll-thumb");
  #isVertical: boolean;
  #range: Range = { from: 0, to: 1 };
  #at = 0;
  #span = 1;

  /** `onScroll` gets the element to stand first. */
  constructor(label: string, direction: "vertical" | "horizontal", onScroll: (at: number) => void) {
    this.#isVertical = direction === "vertical";
    this.element = make("div", `scroll ${direction}`, this.#thumb);
    this.element.setAttribute("aria-hidden", "true"); // the keyboard has the cells themselves
    this.element.title = label;
    let grip: number | null = null;
    const place = (event: PointerEvent): number => {
      const box = this.element.getBoundingClientRect();
      return this.#isVertical ? event.clientY - box.top : event.clientX - box.left;
    };
    this.element.addEventListener("pointerdown", (event) => {
      const { start, size } = this.#thumbPixels();
      const at = place(event);
      grip = at >= start && at < start + size ? at - start : size / 2;
      this.element.setPointerCapture(event.pointerId);
      onScroll(this.#elementAt(at - grip));
    });
    this.element.addEventListener("pointermove", (event) => {
      if (grip !== null) onScroll(this.#elementAt(place(event) - grip));
    });
    const end = (): void => {
      grip = null;
    };
    this.element.addEventListener("pointerup", end);
    this.element.addEventListener("pointercancel", end);
  }

  /** `at`: the first element on screen; `span`: how many are on screen. */
  update(range: Range, at: number, span: number): void {
    [this.#range, this.#at, this.#span] = [range, at, span];
    this.element.classList.toggle("idle", span >= range.to - range.from - 1e-6);
    const { start, size } = this.#thumbPixels();
    this.#thumb.style.translate = this.#isVertical ? `0 ${start}px` : `${start}px 0`;
    this.#thumb.style[this.#isVertical ? "height" : "width"] = `${size}px`;
  }

  get #length(): number {
    return this.#isVertical ? this.element.clientHeight : this.element.clientWidth;
  }

  #thumbPixels(): { start: number; size: number } {
    const total = Math.max(1e-9, this.#range.to - this.#range.from);
    const size = clamp((this.#span / total) * this.#length, Math.min(leastThumb, this.#length), this.#length);
    const room = Math.max(1e-9, total - this.#span);
    return { size, start: clamp((this.#at - this.#range.from) / room, 0, 1) * (this.#length - size) };
  }

  #elementAt(pixel: number): number {
    const { size } = this.#thumbPixels();
    const part = clamp(pixel / Math.max(1, this.#length - size), 0, 1);
    return this.#range.from + part * Math.max(0, this.#range.to - this.#range.from - this.#span);
  }
}
