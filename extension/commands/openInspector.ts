// 'Open Tensor Inspector': the panel, with what was pinned there.

import type { App } from "../app.js";

export function openInspector({ inspectors }: App): void {
  inspectors.show();
}
