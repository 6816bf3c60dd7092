// Mouse, wheel and keys on a picture of cells, turned into wishes in pixels and in steps of cells.

export interface GestureEvents {
  /** Pixels from the left upper corner; null: the pointer has left. */
  hover(at: { x: number; y: number } | null): void;
  pan(dx: number, dy: number): void;
  /** `factor` above 1: larger; the point stays. */
  zoom(factor: number, x: number, y: number): void;
  reset(): void;
  click(x: number, y: number): void;
  /** The keyboard's cell moves; Infinity: to the end. `page`: by what is on screen. */
  move(rows: number, columns: number, page: boolean): void;
  /** [ and ]: another index of the first dim that is not shown. */
  step(by: number): void;
}

/** Less than this many pixels is a click, not a drag. */
const dragFrom = 4;

export function attachGestures(element: HTMLElement, events: GestureEvents): void {
  let drag: { x: number; y: number; moved: boolean } | null = null;
  const place = (event: MouseEvent): { x: number; y: number } => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 && event.button !== 1) return;
    drag = { ...place(event), moved: false };
    element.setPointerCapture(event.pointerId);
    if (event.button === 1) event.preventDefault();
  });
  element.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (drag === null) {
      events.hover(at);
      return;
    }
    if (!drag.moved && Math.hypot(at.x - drag.x, at.y - drag.y) < dragFrom) return;
    events.hover(null);
    events.pan(drag.x - at.x, drag.y - at.y);
    drag = { ...at, moved: true };
    element.classList.add("dragged");
  });
  const end = (): void => {
    drag = null;
    element.classList.remove("dragged");
  };
  element.addEventListener("pointerup", (event) => {
    const isClick = drag?.moved === false;
    end();
    const at = place(event);
    if (isClick) events.click(at.x, at.y);
  });
  element.addEventListener("pointercancel", end);
  element.addEventListener("pointerleave", () => {
    if (drag === null) events.hover(null);
  });
  element.addEventListener("dblclick", () => {
    events.reset();
  });
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const unit = event.deltaMode === 0 ? 1 : 16;
      const at = place(event);
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        events.pan((event.deltaX || event.deltaY) * unit, 0);
      } else if (event.altKey) {
        events.pan(0, event.deltaY * unit);
      } else {
        const turn = Math.max(-300, Math.min(300, event.deltaY * unit));
        events.zoom(Math.exp(-turn * (event.ctrlKey ? 0.008 : 0.0022)), at.x, at.y);
      }
    },
    { passive: false },
  );
  element.addEventListener("keydown", (event) => {
    if (event.target !== element || event.altKey || event.metaKey) return;
    if (handleKey(element, event, events)) event.preventDefault();
  });
}

function handleKey(element: HTMLElement, event: KeyboardEvent, events: GestureEvents): boolean {
  const arrow = arrows[event.key];
  const far = event.ctrlKey;
  if (arrow !== undefined) {
    const [rows, columns] = arrow;
    if (event.shiftKey) events.pan(columns * 80, rows * 80);
    else events.move(far ? rows * Infinity || 0 : rows, far ? columns * Infinity || 0 : columns, false);
    return true;
  }
  const middle = [element.clientWidth / 2, element.clientHeight / 2] as const;
  switch (event.key) {
    case "+":
    case "=":
      events.zoom(1.5, ...middle);
      return true;
    case "-":
      events.zoom(1 / 1.5, ...middle);
      return true;
    case "0":
      events.reset();
      return true;
    case "Home":
      events.move(far ? -Infinity : 0, -Infinity, false);
      return true;
    case "End":
      events.move(far ? Infinity : 0, Infinity, false);
      return true;
    case "PageUp":
      events.move(-1, 0, true);
      return true;
    case "PageDown":
      events.move(1, 0, true);
      return true;
    case "[":
      events.step(-1);
      return true;
    case "]":
      events.step(1);
      return true;
    default:
      return false;
  }
}

/** Rows and columns. */
const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Where the cursor goes: within the slice, from the first visible cell where there was none. */
export function moveCursor(
  from: { row: number; column: number },
  by: { rows: number; columns: number },
  rows: { from: number; to: number },
  columns: { from: number; to: number },
): { row: number; column: number } {
  const put = (at: number, range: { from: number; to: number }): number =>
    Math.min(Math.max(at, range.from), Math.max(range.from, range.to - 1));
  return { row: put(from.row + by.rows, rows), column: put(from.column + by.columns, columns) };
}
