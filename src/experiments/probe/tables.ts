/** What a probe found, as tables. @module */
import { type MetricColumn, recipeRows } from "../columns.ts";
import { estimateOf } from "../estimates.ts";
import type { RecipeRecord } from "../experiment.ts";
import type { ColumnKind, Estimate, Table, TableColumn, TableRow } from "../presentation.ts";
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
    ["norm_task", "‖task‖", "count"],
    ["norm_diverse", "‖diverse‖", "count"],
    ["cos_task_diverse", "cos", "signed"],
  ], [
    "Norms are mean norms of one micro-batch's gradient; the cosine is between the means of all " +
    "probed micro-batches.",
  ]),
  overMoments(records, recipes, "Near and far diverse data", [
    ["projection_near", "near on task", "count"],
    ["projection_far", "far on task", "count"],
    ["pull_back_near", "near back", "count"],
    ["pull_back_far", "far back", "count"],
  ], [
    "On task: length of the mean diverse gradient along the task gradient; below 0 a step on it " +
    "raises the task's loss. Back: its length along the way that the weights have gone; above 0 a " +
    "step on it leads back.",
  ]),
  overMoments(records, recipes, "Losses on the probed data, nats", [
    ["loss_task", "task", "count"],
    ["loss_near", "near", "count"],
    ["loss_far", "far", "count"],
    ["loss_ideal", "ideal", "count"],
  ], []),
];

const overMoments = (
  records: Records,
  recipes: Recipes,
  title: string,
  quantities: ReadonlyArray<readonly [name: string, title: string, kind: ColumnKind]>,
  notes: ReadonlyArray<string>,
): Table => {
  const columns = quantities.flatMap(([name, title, kind]) =>
    moments.map((moment): MetricColumn => ({
      metric: `${name}@${moment}`,
      title: `${title}, ${moment}`,
      kind,
    }))
  );
  return {
    title,
    notes: [...notes, momentNote],
    columns,
    rows: recipeRows(records, recipes, columns),
  };
};

/** How long the mean of K gradients is, and what all gradients have in common. */
export const cancellationTable = (records: Records, recipes: Recipes): Table => {
  const counts = cancellationCounts.slice(1); // of one alone there is nothing to tell
  const most = counts.at(-1)!;
  return {
    title: "How far gradients cancel in a mean over K micro-batches",
    notes: [
      "Length of the mean of K gradients over that of one, both as root mean squares: 1/√K where " +
      "they have nothing in common, 1 where they are all the same. Shared: where that ends for many.",
      "‖mean‖ / mean ‖·‖: the same with mean lengths, as the argument is usually put; a few long " +
      "gradients among short ones bring it near 1 though they have nothing in common.",
    ],
    columns: [
      ...counts.map((count): TableColumn => ({ title: `K = ${count}`, kind: "signed" })),
      { title: "shared", kind: "signed" },
      { title: `‖mean‖ / mean ‖·‖, K = ${most}`, kind: "signed" },
    ],
    rows: [
      {
        label: "nothing in common",
        cells: [...counts, Infinity, most].map((count) => ({ value: 1 / Math.sqrt(count) })),
      },
      ...recipes.flatMap(({ name, label }) =>
        (["diverse", "task"] as const).flatMap((group) =>
          (["start", "end"] as const).map((moment): TableRow => ({
            label: `${group}, ${label}, ${moment}`,
            recipe: name,
            cells: [
              ...counts.map((count) => `rms_${group}_${count}`),
              `shared_${group}`,
              `cancellation_${group}_${most}`,
            ].map((metric) => estimateOf(records, name, `${metric}@${moment}`)),
          }))
        )
      ),
    ],
  };
};

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
    "mean. Descent: by how much a step of length 1 down the gradient lowers the ideal loss, in nats " +
    "and to first order.",
    momentNote,
  ],
  columns: [
    ...moments.map((moment): TableColumn => ({ title: moment, kind: "signed", better: "high" })),
    ...moments.map((moment): TableColumn => ({
      title: `descent, ${moment}`,
      kind: "count",
      better: "high",
    })),
  ],
  rows: recipes.flatMap(({ name, label }) =>
    comparedMixes.map((mix): TableRow => ({
      label: `${mixLabels[mix]}, on ${label}`,
      recipe: name,
      cells: [`cos_${mix}_ideal`, `descent_${mix}`].flatMap((quantity) =>
        moments.map((moment) => estimateOf(records, name, `${quantity}@${moment}`))
      ),
    }))
  ),
});

/** Mean over the steps, by module, by layer and on the new token's row. */
export const moduleTable = (records: Records, { name, label }: Recipe): Table => {
  const regions = [...new Set(records.flatMap(({ metrics }) => Object.keys(metrics)))]
    .flatMap((metric) => /^norm_task\/(.*)@mean$/.exec(metric)?.[1] ?? []);
  const columns = [
    ["norm_task", "‖task‖", "count"],
    ["norm_diverse", "‖diverse‖", "count"],
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
