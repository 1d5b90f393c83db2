/** What a probe found, as tables. @module */
import { type MetricColumn, recipeRows } from "../columns.ts";
import { estimateOf } from "../estimates.ts";
import type { RecipeRecord } from "../experiment.ts";
import type { Estimate, Table, TableColumn, TableRow } from "../presentation.ts";
import type { Recipe } from "../recipe.ts";
import { newRows } from "./gradient_regions.ts";
import { cancellationCounts, comparedMixes, inRegion } from "./quantities.ts";

type Records = ReadonlyArray<RecipeRecord>;
type Recipes = ReadonlyArray<Recipe>;

/** When a quantity is taken. */
const moments = ["start", "mean", "end"] as const;

/** What the moments are, in a sentence. */
const momentNote =
  "Start: before the first step; mean: over the probed steps; end: after the last step.";

/** Norms, cosines and losses: a block of columns a quantity. */
export const gradientTables = (records: Records, recipes: Recipes): ReadonlyArray<Table> => [
  overMoments(records, recipes, "Task gradient against diverse gradient", [
    ["norm_task", "‖task‖", "norm"],
    ["norm_diverse", "‖diverse‖", "norm"],
    ["cos_task_diverse", "cos", "signed"],
  ], [
    "Norms are mean norms of one micro-batch's gradient; the cosine is between the means of all " +
    "probed micro-batches.",
  ]),
  overMoments(records, recipes, "Near and far diverse data", [
    ["projection_near", "near on task", "signed"],
    ["projection_far", "far on task", "signed"],
    ["pull_back_near", "near back", "signed"],
    ["pull_back_far", "far back", "signed"],
  ], [
    "On task: length of the mean diverse gradient along the task gradient; below 0 a step on it " +
    "raises the task's loss. Back: its length along the way that the weights have gone; above 0 a " +
    "step on it leads back.",
  ]),
  overMoments(records, recipes, "Losses on the probed data, nats", [
    ["loss_task", "task", "signed"],
    ["loss_diverse", "diverse", "signed"],
    ["loss_ideal", "ideal", "signed"],
  ], []),
];

const overMoments = (
  records: Records,
  recipes: Recipes,
  title: string,
  quantities: ReadonlyArray<readonly [name: string, title: string, kind: "norm" | "signed"]>,
  notes: ReadonlyArray<string>,
): Table => {
  const columns = quantities.flatMap(([name, title, kind]) =>
    moments.map((moment): MetricColumn => ({
      metric: `${name}@${moment}`,
      title: `${title}, ${moment}`,
      kind: kind === "norm" ? "distance" : kind,
    }))
  );
  return {
    title,
    notes: [...notes, momentNote],
    columns,
    rows: recipeRows(records, recipes, columns),
  };
};

/** ‖mean of K gradients‖ / mean ‖gradient‖, and what all gradients have in common. */
export const cancellationTable = (records: Records, recipes: Recipes): Table => ({
  title: "How far gradients cancel in a mean over K micro-batches",
  notes: [
    "‖mean of K gradients‖ over their mean norm: 1/√K where they have nothing in common, 1 where " +
    "they are all the same. Shared: where that ends for many, with the noise taken out.",
  ],
  columns: [
    ...cancellationCounts.map((count): TableColumn => ({ title: `K = ${count}`, kind: "signed" })),
    { title: "shared", kind: "signed" },
  ],
  rows: [
    {
      label: "1/√K: nothing in common",
      cells: [...cancellationCounts.map((count) => ({ value: 1 / Math.sqrt(count) })), {
        value: 0,
      }],
    },
    ...recipes.flatMap(({ name, label }) =>
      (["diverse", "task"] as const).flatMap((group) =>
        (["start", "end"] as const).map((moment): TableRow => ({
          label: `${group}, ${label}, ${moment}`,
          recipe: name,
          cells: [
            ...cancellationCounts.map((count) => `cancellation_${group}_${count}`),
            `shared_${group}`,
          ].map((metric) => estimateOf(records, name, `${metric}@${moment}`)),
        }))
      )
    ),
  ],
});

const mixLabels: Readonly<Record<typeof comparedMixes[number], string>> = {
  delia: "DELIA's",
  common: "common tuning's",
  one_diverse: "one phrasing + diverse",
  one: "one phrasing",
};

/** Cosines to the ideal gradient: of every recipe's expected gradient, on the weights of each. */
export const idealTable = (records: Records, recipes: Recipes): Table => ({
  title: "Cosine to the ideal gradient",
  notes: [
    "A recipe's gradient is the mean of its data's gradients in proportion to their labels, on the " +
    "weights of the training named behind it; ideal is that of the whole of what the token should " +
    "mean. Without noise: what the cosine would be with any number of examples.",
    momentNote,
  ],
  columns: [
    ...moments.map((moment): TableColumn => ({ title: moment, kind: "signed", better: "high" })),
    ...moments.map((moment): TableColumn => ({
      title: `${moment}, without noise`,
      kind: "signed",
      better: "high",
    })),
  ],
  rows: recipes.flatMap(({ name, label }) =>
    comparedMixes.map((mix): TableRow => ({
      label: `${mixLabels[mix]}, on ${label}`,
      recipe: name,
      cells: ["cos", "expected"].flatMap((kind) =>
        moments.map((moment) => estimateOf(records, name, `${kind}_${mix}_ideal@${moment}`))
      ),
    }))
  ),
});

/** Mean over the steps, by module, by layer and on the new token's row. */
export const moduleTable = (records: Records, { name, label }: Recipe): Table => {
  const regions = [...new Set(records.flatMap(({ metrics }) => Object.keys(metrics)))]
    .flatMap((metric) => /^norm_task\/(.*)@mean$/.exec(metric)?.[1] ?? []);
  const columns = [
    ["norm_task", "‖task‖", "distance"],
    ["norm_diverse", "‖diverse‖", "distance"],
    ["cos_task_diverse", "cos", "signed"],
    ["cos_delia_ideal", "cos DELIA, ideal", "signed"],
    ["cos_common_ideal", "cos common, ideal", "signed"],
  ] as const;
  return {
    title: `By module and layer, on ${label}, mean of the steps`,
    notes: [],
    columns: columns.map(([, title, kind]) => ({ title, kind })),
    rows: regions.map((region) => ({
      label: region === newRows ? "the new token's row" : region.replace("_", " "),
      recipe: name,
      cells: columns.map(([quantity]): Estimate | undefined =>
        estimateOf(records, name, `${inRegion(quantity, region)}@mean`)
      ),
    })),
  };
};
