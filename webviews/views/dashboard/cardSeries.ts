// The series of a card as its chart takes them: what the model knows of each, and its style.

import { categoricalStyle, orderedStyle, type ChartTheme } from "../../chart/palette.js";
import { valueRange, type ChartSeries } from "../../chart/series.js";
import type { CardPlan, PlannedSeries } from "./cards.js";
import type { DashboardModel } from "./model.js";

export function seriesOf(
  { series, emphasis, colors }: CardPlan,
  model: DashboardModel,
  theme: ChartTheme,
): ChartSeries[] {
  const hidden = new Set(model.choices.hidden);
  const ranked = series.filter((planned) => planned.tag !== emphasis);
  return series.map((planned) => {
    const index = ranked.indexOf(planned);
    const style =
      index < 0
        ? { color: theme.foreground, dash: [] }
        : colors === "ordered"
          ? orderedStyle(theme, index, ranked.length)
          : categoricalStyle(theme, index);
    return {
      ...factsOf(model, planned),
      ...{ tag: planned.tag, label: planned.label, style },
      emphasis: planned.tag === emphasis,
      hidden: hidden.has(planned.tag),
    };
  });
}

/** What is known of a planned series: of one made of several, from its points on screen and in the overview. */
function factsOf(
  model: DashboardModel,
  { tag, parts }: PlannedSeries,
): Pick<ChartSeries, "data" | "count" | "last" | "min" | "max" | "nonFinite"> {
  const infos = parts.flatMap((part) => model.infoOf(part) ?? []);
  const [info] = infos;
  if (parts.length === 1 && parts[0] === tag && info !== undefined) {
    const { count, last, min, max, nonFinite } = info;
    return { data: model.dataOf(tag), count, last, min, max, nonFinite };
  }
  const norm = (values: (number | null)[]): number | null =>
    values.every((value) => value !== null) && values.length > 0
      ? Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0))
      : null;
  const data = model.normOf(tag, parts);
  const range = valueRange(data.points, { from: 0, to: data.points.length }, false).range;
  return {
    data,
    count: Math.max(0, ...infos.map((one) => one.count)),
    last: norm(infos.map((one) => one.last)),
    min: range?.min ?? null,
    max: range?.max ?? null,
    nonFinite: Math.max(0, ...infos.map((one) => one.nonFinite)),
  };
}
