/**
 * The report's charts, drawn by Vega-Lite as SVG. Colours are those of the page around them
 * (`currentColor`, `--arm-…`), so that they follow its light and dark.
 *
 * @module
 */
import { Effect } from "effect";
import type { Config, TopLevelSpec } from "vega-lite";
import type { RateName } from "../experiments/result.ts";
import type { MetricRecord } from "../training/metric_log.ts";
import type { ArmSummary } from "./summary.ts";

/** Colours that stand apart in light and in dark, in the order of the series. */
export const palette: ReadonlyArray<string> = [
  "#0b7bd6",
  "#d9722e",
  "#2f9e62",
  "#b14ac0",
  "#c2a019",
  "#d1495b",
  "#3aa6a6",
  "#7d6bd6",
  "#8a8f98",
  "#795548",
  "#e377c2",
  "#6b8e23",
];

/** Points a line has at most; longer curves show means of neighbours. */
export const mostPoints = 400;

/** Loss of one training by optimizer step, a line a seed; `domain` is the span of the loss axis. */
export const lossChart = (
  records: ReadonlyArray<MetricRecord>,
  domain: readonly [number, number],
): Effect.Effect<string> => {
  const seeds = [...new Set(records.map(({ seed }) => seed))];
  const values = seeds.flatMap((seed) => thin(records.filter((record) => record.seed === seed)));
  return drawChart({
    padding: { left: 46, right: 14, top: 8, bottom: 40 },
    width: chartWidth - 60,
    height: 150,
    data: { values },
    mark: {
      type: "line",
      color: armColour(records[0]?.name ?? ""),
      strokeWidth: 1.4,
      opacity: 0.85,
      point: values.length <= 30 * seeds.length
        ? { color: armColour(records[0]?.name ?? ""), size: 18, filled: true }
        : false,
    },
    encoding: {
      x: {
        field: "step",
        type: "quantitative",
        title: "optimizer step",
        axis: { tickMinStep: 1, format: "d" },
      },
      y: {
        field: "loss",
        type: "quantitative",
        title: null,
        scale: { type: "log", domain: [...domain] },
        axis: { tickCount: 4 },
      },
      detail: { field: "seed", type: "nominal" },
    },
  });
};

/** One rate of every arm: a point a seed, a bar at the mean. */
export const rateChart = (
  rate: RateName,
  arms: ReadonlyArray<ArmSummary>,
): Effect.Effect<string> => {
  const values = arms.flatMap((arm) =>
    arm.seeds.flatMap((seed) => {
      const value = seed.metrics[rate];
      const known = typeof value === "number" && Number.isFinite(value);
      return known ? [{ arm: arm.label, colour: armColour(arm.name), seed: seed.seed, value }] : [];
    })
  );
  const x = {
    type: "quantitative" as const,
    title: null,
    scale: { domain: [-0.03, 1.03], nice: false },
    axis: { values: [0, 0.25, 0.5, 0.75, 1], format: ".2~f" },
  };
  const y = { field: "arm", type: "nominal", sort: null, title: null } as const;
  const colour = { field: "colour", type: "nominal", scale: null, legend: null } as const;
  return drawChart({
    padding: { left: 150, right: 14, top: 4, bottom: 24 },
    width: chartWidth - 164,
    height: 32 * arms.length,
    data: { values },
    layer: [
      {
        mark: { type: "tick", thickness: 3, size: 22, opacity: 0.55 },
        encoding: {
          x: { ...x, aggregate: "mean", field: "value" },
          color: colour,
        },
      },
      {
        mark: { type: "point", filled: true, size: 42, opacity: 0.95 },
        encoding: {
          x: { ...x, field: "value" },
          yOffset: { field: "seed", type: "nominal" },
          color: colour,
        },
      },
    ],
    encoding: {
      y: { ...y, scale: { domain: arms.map(({ label }) => label) } },
    },
  });
};

/** Least and greatest loss above 0, rounded outward to a power of ten or half of one. */
export const lossDomain = (records: ReadonlyArray<MetricRecord>): readonly [number, number] => {
  const losses = records.map(({ loss }) => loss).filter(drawable);
  if (losses.length === 0) return [0.1, 10];
  const least = losses.reduce((a, b) => Math.min(a, b));
  const greatest = losses.reduce((a, b) => Math.max(a, b));
  const [low, high] = [Math.floor(2 * Math.log10(least)), Math.ceil(2 * Math.log10(greatest))];
  return [10 ** (low / 2), 10 ** (Math.max(high, low + 1) / 2)];
};

const chartWidth = 350;

const armColour = (name: string): string =>
  `var(--arm-${name.replace(/[^a-z_]/gi, "")}, currentColor)`;

/** A logarithmic axis has no place for 0. */
const drawable = (loss: number): boolean => Number.isFinite(loss) && loss > 0;

/** At most {@linkcode mostPoints} points: means over runs of neighbours. */
const thin = (
  records: ReadonlyArray<MetricRecord>,
): ReadonlyArray<{ readonly seed: number; readonly step: number; readonly loss: number }> => {
  const known = records.filter(({ loss }) => drawable(loss)).sort((a, b) => a.step - b.step);
  const size = Math.max(1, Math.ceil(known.length / mostPoints));
  return Array.from({ length: Math.ceil(known.length / size) }, (_, index) => {
    const some = known.slice(index * size, (index + 1) * size);
    const mean = (read: (record: MetricRecord) => number): number =>
      some.reduce((sum, record) => sum + read(record), 0) / some.length;
    return { seed: some[0]?.seed ?? 0, step: mean(({ step }) => step), loss: mean((r) => r.loss) };
  });
};

const config: Config = {
  aria: false, // the page says in words what a chart shows
  font: "system-ui, sans-serif",
  view: { stroke: null },
  axis: {
    labelColor: "currentColor",
    titleColor: "currentColor",
    domainColor: "currentColor",
    tickColor: "currentColor",
    gridColor: "currentColor",
    domainOpacity: 0.4,
    tickOpacity: 0.4,
    gridOpacity: 0.1,
    labelFontSize: 11.5,
    titleFontSize: 11.5,
    titleFontWeight: "normal",
    labelLimit: 0,
  },
};

/**
 * Loaded when the first chart is drawn: nothing else needs these libraries. Margins are fixed:
 * without a canvas Vega only guesses how wide text is.
 */
export const drawChart = (spec: TopLevelSpec): Effect.Effect<string> =>
  Effect.promise(async () => {
    const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
    const compiled = vegaLite.compile({
      ...spec,
      autosize: "none",
      background: "transparent",
    } as TopLevelSpec, { config });
    const view = new vega.View(vega.parse(compiled.spec), { renderer: "none" });
    const svg = await view.toSVG();
    view.finalize();
    return svg;
  });
