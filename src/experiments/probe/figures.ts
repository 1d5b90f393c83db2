/** What a probe found, as lines by step. @module */
import { meanPoints } from "../curve_figure.ts";
import { estimateOf, recordsOf } from "../estimates.ts";
import type { RecipeRecord } from "../experiment.ts";
import type { Figure, Series } from "../presentation.ts";
import type { Recipe } from "../recipe.ts";
import { cancellationCounts } from "./quantities.ts";

/** Lines of one figure: a quantity and what it is called. */
type Lines = ReadonlyArray<readonly [quantity: string, label: string]>;

/** The figures, in the order of the argument: cancel, counteract, come nearer to the ideal. */
export const probeFigures = (
  records: ReadonlyArray<RecipeRecord>,
  recipes: ReadonlyArray<Recipe>,
): ReadonlyArray<Figure> => [
  cancellationFigure(records, recipes),
  onLog(byStep(records, recipes, "Norm of a micro-batch's gradient", "norm", [
    ["norm_task", "task"],
    ["norm_diverse", "diverse"],
  ])),
  byStep(records, recipes, "Cosine of the diverse to the task gradient", "cosine", [
    ["cos_task_near", "near"],
    ["cos_task_far", "far"],
  ]),
  byStep(records, recipes, "Diverse gradient along the way gone", "length; above 0 leads back", [
    ["pull_back_near", "near"],
    ["pull_back_far", "far"],
  ]),
  ...recipes.map((recipe) =>
    byStep(records, [recipe], "Cosine to the ideal gradient", "cosine", [
      ["cos_delia_ideal", "DELIA's gradient"],
      ["cos_common_ideal", "common tuning's"],
      ["cos_one_diverse_ideal", "one phrasing + diverse"],
      ["cos_one_ideal", "one phrasing"],
    ])
  ),
];

const onLog = (figure: Figure): Figure => ({ ...figure, y: { ...figure.y, scale: "log" } });

const byStep = (
  records: ReadonlyArray<RecipeRecord>,
  recipes: ReadonlyArray<Recipe>,
  title: string,
  y: string,
  lines: Lines,
): Figure => ({
  title: recipes.length === 1 ? `${title}, on ${recipes[0]!.label}` : title,
  caption: "Mean over the seeds; the band is from the least to the greatest.",
  kind: "lines",
  x: { title: "optimizer step" },
  y: { title: y },
  series: recipes.flatMap(({ name, label }) =>
    lines.map(([quantity, line]): Series => ({
      label: recipes.length === 1 ? line : `${line}, ${label}`,
      recipe: name,
      points: meanPoints(
        recordsOf(records, name).map(({ curves }) => curves[quantity] ?? []),
        "step",
      ),
    }))
  ),
});

const cancellationFigure = (
  records: ReadonlyArray<RecipeRecord>,
  recipes: ReadonlyArray<Recipe>,
): Figure => ({
  title: "How far gradients cancel in a mean over K micro-batches",
  caption: "Root mean squares; mean over the seeds and 95 % interval. 1/√K: nothing in common.",
  kind: "lines",
  x: { title: "K", scale: "log" },
  y: { title: "‖mean of K‖ / ‖one‖", scale: "log" },
  series: [
    {
      label: "1/√K",
      recipe: "",
      points: cancellationCounts.map((count) => ({ x: count, y: 1 / Math.sqrt(count) })),
    },
    // Before the first step all recipes are the same model.
    ...[
      { recipe: recipes[0]!, moment: "start", label: "at the start" },
      ...recipes.map((recipe) => ({ recipe, moment: "end", label: `after ${recipe.label}` })),
    ].flatMap(({ recipe: { name }, moment, label }) =>
      (["diverse", "task"] as const).map((group): Series => ({
        label: `${group}, ${label}`,
        recipe: name,
        points: cancellationCounts.flatMap((count) => {
          const found = estimateOf(records, name, `rms_${group}_${count}@${moment}`);
          if (!found) return [];
          const { value: y, low = y, high = y } = found;
          return [{ x: count, y, low, high }];
        }),
      }))
    ),
  ],
});
