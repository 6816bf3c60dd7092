// The colours of series: the theme's own where a thin line of them can be seen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { legible } from "../../webviews/chart/palette.js";

void test("a colour of the theme that is hardly seen on its background is replaced", () => {
  const orange = "#d18616";
  assert.equal(legible("#ea5c0055", "#1f1f1f", orange), orange, "nearly transparent on dark");
  assert.equal(legible("rgba(234, 92, 0, 0.33)", "#ffffff", orange), orange, "and on light");
  assert.equal(legible("#ea5c0055", "#000000", orange), orange);
  assert.equal(legible("#eeeeee", "#ffffff", orange), orange);
  for (const [color, background] of [
    ["#3794ff", "#1f1f1f"],
    ["#1a85ff", "#ffffff"],
    ["#bf8803", "#ffffff"],
    ["#d18616", "#ffffff"],
    ["rgba(55, 148, 255, 0.9)", "#000000"],
    ["color-mix(in srgb, red, blue)", "#ffffff"],
  ] as const) {
    assert.equal(legible(color, background, "none"), color);
  }
});
