/** Means over the seeds of a recipe, with intervals over seeds and items. @module */
import { randomUnit } from "../gpu/random.ts";
import type { RecipeRecord } from "./experiment.ts";
import type { Estimate } from "./presentation.ts";

const resamples = 1000;

/** Metrics that are sums of rates: their items are those of the rates. */
const sums: Readonly<Record<string, ReadonlyArray<string>>> = {
  selectivity: ["t1_held_out_phrasing", "t2_transfer", "t3_negation", "t4_no_token"],
};

/** The records of one recipe. */
export const recordsOf = (
  records: ReadonlyArray<RecipeRecord>,
  recipe: string,
): ReadonlyArray<RecipeRecord> => records.filter((record) => record.recipe === recipe);

/**
 * Mean of `metric` over the seeds of `recipe`, with a 95 % percentile bootstrap interval: seeds are
 * drawn with replacement and, where the records hold items, the items of each drawn seed too.
 * Undefined where no record has the metric.
 */
export const estimateOf = (
  records: ReadonlyArray<RecipeRecord>,
  recipe: string,
  metric: string,
): Estimate | undefined => {
  const own = recordsOf(records, recipe).filter((record) =>
    Number.isFinite(record.metrics[metric])
  );
  if (own.length === 0) return undefined;
  const value = mean(own.map((record) => record.metrics[metric]!));
  const drawn = Array.from({ length: resamples }, (_, resample) =>
    mean(own.map((_, place) => {
      const record = own[pick(resample, place, 0, own.length)]!;
      return record.metrics[metric]! + noiseOf([record], metric, resample, place);
    })));
  return { value, ...interval(drawn) };
};

/** Mean difference of a metric between two recipes on the same seeds and items, with its interval. */
export const differenceOf = (
  records: ReadonlyArray<RecipeRecord>,
  [first, second]: readonly [string, string],
  metric: string,
): Estimate | undefined => {
  const pairs = recordsOf(records, first).flatMap((a) => {
    const b = recordsOf(records, second).find(({ seed }) => seed === a.seed);
    const both = b && [a.metrics[metric], b.metrics[metric]].every((it) => Number.isFinite(it));
    return both ? [{ a, b }] : [];
  });
  if (pairs.length === 0) return undefined;
  const gap = ({ a, b }: typeof pairs[number]): number => a.metrics[metric]! - b.metrics[metric]!;
  const drawn = Array.from({ length: resamples }, (_, resample) =>
    mean(pairs.map((_, place) => {
      const pair = pairs[pick(resample, place, 0, pairs.length)]!;
      return gap(pair) + noiseOf([pair.a, pair.b], metric, resample, place);
    })));
  return { value: mean(pairs.map(gap)), ...interval(drawn) };
};

// What drawing the items again changes: of one record, or of the first less the second on the same
// items; 0 where there are none.
const noiseOf = (
  [a, b]: readonly [RecipeRecord, RecipeRecord?],
  metric: string,
  resample: number,
  place: number,
): number =>
  (sums[metric] ?? [metric]).reduce((total, name, part) => {
    const own = a.items[name] ?? [];
    const other = b?.items[name];
    if (own.length === 0 || b && other?.length !== own.length) return total;
    const values = own.map((value, item) => value - (other?.[item] ?? 0));
    const again = values.map((_, item) =>
      values[pick(resample, place, 1 + part * itemsApart + item, values.length)]!
    );
    return total + mean(again) - mean(values);
  }, 0);

// Draws of two parts never share a number.
const itemsApart = 2 ** 20;

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

// Of (resample, place, item): a repeated run draws the same.
const pick = (resample: number, place: number, item: number, count: number): number =>
  Math.floor(randomUnit(resample, place, item) * count);

const interval = (
  drawn: ReadonlyArray<number>,
): { readonly low: number; readonly high: number } => {
  const sorted = drawn.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return { low: at(0.025), high: at(0.975) };
};
