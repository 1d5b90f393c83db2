/** Curves of records as figures: means over seeds, by step or by exposures. @module */
import { recordsOf } from "./estimates.ts";
import type { CurvePoint, RecipeRecord } from "./experiment.ts";
import type { Figure, Series } from "./presentation.ts";
import type { Recipe } from "./recipe.ts";

/** What a curve is drawn over. */
export type CurveAxis = "step" | "exposures";

const axisTitles: Readonly<Record<CurveAxis, string>> = {
  step: "optimizer step",
  exposures: "downstream examples seen",
};

/** A line a recipe: the mean over its seeds where all have a point, with the least and greatest. */
export const curveFigure = (
  records: ReadonlyArray<RecipeRecord>,
  recipes: ReadonlyArray<Recipe>,
  curve: string,
  axis: CurveAxis,
  title: string,
): Figure => ({
  title: `${title} by ${axisTitles[axis]}`,
  caption: "Mean over the seeds; the band is from the least to the greatest.",
  kind: "lines",
  x: { title: axisTitles[axis] },
  y: { title },
  series: recipes.map(({ name, label }): Series => ({
    label,
    recipe: name,
    points: meanPoints(recordsOf(records, name).map(({ curves }) => curves[curve] ?? []), axis),
  })),
});

/** Means over the seeds at the steps that all have, with the least and greatest; a curve a seed. */
export const meanPoints = (
  curves: ReadonlyArray<ReadonlyArray<CurvePoint>>,
  axis: CurveAxis,
): Series["points"] => {
  const [first = [], ...others] = curves;
  return first.flatMap((point) => {
    const same = others.map((curve) => curve.find(({ step }) => step === point.step));
    if (same.includes(undefined)) return [];
    const values = [point, ...same].map((it) => it!.value);
    const y = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [{ x: point[axis], y, low: Math.min(...values), high: Math.max(...values) }];
  });
};

/** The records with the last value of `curve` among their metrics. */
export const lastPoints = (
  records: ReadonlyArray<RecipeRecord>,
  curve: string,
): ReadonlyArray<RecipeRecord> =>
  records.map((record) => {
    const last = record.curves[curve]?.at(-1);
    return last ? { ...record, metrics: { ...record.metrics, [curve]: last.value } } : record;
  });
