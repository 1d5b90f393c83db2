/** Draws a figure of an experiment as SVG: lines with bands, or dots with intervals. @module */
import type { Effect } from "effect";
import type { TopLevelSpec } from "vega-lite";
import type { Figure } from "../experiments/presentation.ts";
import { drawChart, palette } from "./charts.ts";

const width = 560;

/** The figure as SVG text; its legend is part of it. */
export const figureChart = (figure: Figure): Effect.Effect<string> =>
  drawChart(figure.kind === "lines" ? linesSpec(figure) : dotsSpec(figure));

const colourOf = ({ series }: Figure) => {
  const names = [...new Set(series.map(({ label, colour = label }) => colour))];
  return {
    field: "label",
    type: "nominal" as const,
    title: null,
    scale: {
      domain: series.map(({ label }) => label),
      range: series.map(({ label, colour = label }) =>
        palette[names.indexOf(colour) % palette.length]!
      ),
    },
  };
};

const valuesOf = ({ series }: Figure) =>
  series.flatMap(({ label, points }) =>
    points.map(({ x, y, low = y, high = y }) => ({ label, x, y, low, high }))
  );

const linesSpec = (figure: Figure): TopLevelSpec => {
  const { x, y, series } = figure;
  const scale = y.scale === "log" ? { type: "log" } : { type: "linear", zero: false };
  const horizontal = {
    field: "x",
    type: "quantitative" as const,
    title: x.title,
    scale: { type: x.scale ?? "linear" },
  };
  const columns = 2;
  const legendRows = Math.ceil(series.length / columns);
  return {
    padding: { left: 56, right: 16, top: 10, bottom: 52 + 18 * legendRows },
    width: width - 72,
    height: 240,
    data: { values: valuesOf(figure) },
    layer: [
      {
        mark: { type: "area", opacity: 0.14 },
        encoding: {
          x: horizontal,
          y: { field: "low", type: "quantitative", title: y.title, scale },
          y2: { field: "high" },
          color: { ...colourOf(figure), legend: null },
        },
      },
      {
        mark: { type: "line", strokeWidth: 2, point: { size: 22, filled: true } },
        encoding: {
          x: horizontal,
          y: { field: "y", type: "quantitative", title: y.title, scale },
          color: {
            ...colourOf(figure),
            legend: { orient: "bottom", columns, labelLimit: 240, labelColor: "currentColor" },
          },
        },
      },
    ],
    resolve: { legend: { color: "independent" } },
  } as TopLevelSpec;
};

const dotsSpec = (figure: Figure): TopLevelSpec => {
  const { x, series } = figure;
  const y = { field: "label", type: "nominal" as const, sort: null, title: null };
  const colour = { ...colourOf(figure), legend: null };
  const longest = Math.max(0, ...series.map(({ label }) => label.length));
  const left = Math.min(320, Math.max(190, 16 + 6.3 * longest));
  return {
    padding: { left, right: 16, top: 8, bottom: 44 },
    width: width - left - 16,
    height: 26 * Math.max(1, series.length),
    data: { values: valuesOf(figure).map(({ x, low, high, label }) => ({ x, low, high, label })) },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 2, opacity: 0.5 },
        encoding: {
          x: { field: "low", type: "quantitative", title: x.title },
          x2: { field: "high" },
          y,
          color: colour,
        },
      },
      {
        mark: { type: "point", filled: true, size: 60, opacity: 1 },
        encoding: { x: { field: "x", type: "quantitative", title: x.title }, y, color: colour },
      },
    ],
  } as TopLevelSpec;
};
