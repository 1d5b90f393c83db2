/** The paper's open question: which diverse ratio serves best, found by successive halving. @module */
import type { RunConfig } from "../../config/run_config.ts";
import { type MetricColumn, rateColumns, rateNote, recipeRows } from "../columns.ts";
import { differenceOf, estimateOf } from "../estimates.ts";
import type { Experiment, Finding, Planned, RecipeRecord } from "../experiment.ts";
import type { Recipe } from "../recipe.ts";
import { delia } from "../standard_recipes.ts";

// In proportion to the configured ratio.
const shares = [0, 0.0625, 0.125, 0.25, 0.5, 1, 1.5, 2] as const;

const metric = "selectivity";

const ratioOf = (share: number, { mixing }: RunConfig): number =>
  Math.round(share * mixing.diverseRatio * 100) / 100;

const recipeOf = (share: number, config: RunConfig): Recipe => {
  const diverseRatio = ratioOf(share, config);
  return {
    ...delia,
    name: `ratio_${String(diverseRatio).replace(".", "_")}`,
    label: `r = ${diverseRatio}`,
    // Without diverse data there is no mix to take: as many steps as the configured one.
    stages: [
      diverseRatio === 0
        ? { data: "downstream", length: "matched_steps" }
        : { data: "mixed", length: "epoch", diverseRatio },
    ],
  };
};

const recipesOf = (config: RunConfig): ReadonlyArray<Recipe> =>
  shares.map((share) => recipeOf(share, config));

const mean = (records: ReadonlyArray<RecipeRecord>, { name }: Recipe): number =>
  estimateOf(records, name, metric)?.value ?? -Infinity;

/**
 * Rung by rung: all ratios with the first seed; then the better half with one seed more, and so on, until
 * two are left, which get all seeds.
 */
const plan = (
  config: RunConfig,
  records: ReadonlyArray<RecipeRecord>,
): ReadonlyArray<Planned> => {
  const first = config.training.seed;
  let open = recipesOf(config);
  for (let seeds = 1;; seeds++) {
    const last = seeds >= config.seeds || open.length <= 2;
    const upTo = last ? config.seeds : seeds;
    const rung = Array.from({ length: upTo }, (_, i) => first + i).flatMap((seed) =>
      open.map((recipe): Planned => ({ recipe, seed }))
    );
    const missing = rung.filter(({ recipe, seed }) =>
      !records.some((record) => record.recipe === recipe.name && record.seed === seed)
    );
    if (missing.length > 0 || last) return missing;
    open = open.toSorted((a, b) => mean(records, b) - mean(records, a))
      .slice(0, Math.ceil(open.length / 2));
  }
};

const columns: ReadonlyArray<MetricColumn> = rateColumns;

const recommendation = (
  records: ReadonlyArray<RecipeRecord>,
  config: RunConfig,
): Finding => {
  const claim = "There is a diverse ratio that serves best";
  const seedsOf = ({ name }: Recipe) => records.filter(({ recipe }) => recipe === name).length;
  const most = Math.max(0, ...recipesOf(config).map(seedsOf));
  const finalists = recipesOf(config).filter((recipe) => most > 0 && seedsOf(recipe) === most)
    .toSorted((a, b) => mean(records, b) - mean(records, a));
  const [best, second] = finalists;
  if (!best) return { claim, verdict: "cannot be told", text: "Nothing was trained." };
  const gap = second && differenceOf(records, [best.name, second.name], metric);
  const sure = gap !== undefined && gap.low! > 0;
  const beside = second && gap
    ? `; its lead over ${second.label} is ${gap.value.toFixed(2)} [${gap.low!.toFixed(2)}, ${
      gap.high!.toFixed(2)
    }]`
    : "";
  return {
    claim,
    verdict: sure ? "holds" : "cannot be told",
    text:
      `Recommended: ${best.label}, selectivity ${
        mean(records, best).toFixed(2)
      } over ${most} seeds` +
      `${beside}. ${sure ? "The interval excludes 0." : "Within the noise of these seeds."}`,
  };
};

/** The search for the ratio. */
export const ratioSearch: Experiment = {
  name: "ratio_search",
  title: "Which diverse ratio serves best",
  paper: "open question of section 6",
  protocol: [
    "Successive halving over eight ratios, from none to twice the configured one: all with one seed, " +
    "the better half with one seed more, until two are left, which get every seed.",
    "Better is a higher selectivity, T1 + T2 − (1 − T3) − (1 − T4): the token obeyed, and nothing else " +
    "touched. r = 0 takes as many steps as the configured mix.",
    "A ratio that left early has fewer seeds, and a wider interval.",
  ],
  deviations: ["The paper names the question and does not answer it."],
  settings: { seeds: 5, data: { testItems: 80 } },
  quick: { seeds: 2, data: { testItems: 20 }, mixing: { diverseRatio: 2 } },
  recipes: recipesOf,
  plan,
  measures: ["rates"],
  findings: (records, config) => ({
    tables: [{
      title: "Ratios",
      notes: [rateNote],
      columns,
      rows: recipeRows(records, recipesOf(config), columns),
    }],
    figures: [{
      title: "Selectivity by diverse ratio",
      caption: "Mean over the seeds that a ratio was given, with 95 % interval.",
      kind: "dots",
      x: { title: "selectivity" },
      y: { title: "diverse ratio" },
      series: recipesOf(config).map((recipe) => {
        const estimate = estimateOf(records, recipe.name, metric);
        const { value = NaN, low = value, high = value } = estimate ?? {};
        return {
          label: recipe.label,
          recipe: recipe.name,
          points: estimate ? [{ x: value, y: 0, low, high }] : [],
        };
      }),
    }],
    claims: [recommendation(records, config)],
  }),
};
