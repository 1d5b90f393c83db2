/** The paper's demonstration: sentences with the token, their negations, and one that mentions it. @module */
import type { MetricColumn } from "../columns.ts";
import { recipeRows } from "../columns.ts";
import { comparePair } from "../compare.ts";
import type { Experiment, RecipeRecord } from "../experiment.ts";
import type { Table } from "../presentation.ts";
import { common, commonMatched, delia, onePhrasing, randomInit } from "../standard_recipes.ts";

const recipes = [
  { ...randomInit, name: "original", label: "original model" },
  common,
  commonMatched,
  onePhrasing,
  delia,
];

const columns: ReadonlyArray<MetricColumn> = [
  { metric: "demonstrations", title: "as wanted", kind: "rate", better: "high" },
];

// What each recipe answers, of the first seed: a row a sentence.
const answersTable = (records: ReadonlyArray<RecipeRecord>): Table => {
  const shown = recipes.flatMap(({ name, label }) => {
    const record = records.find(({ recipe }) => recipe === name);
    return record ? [{ label, answers: record.answers }] : [];
  });
  const sentences = shown[0]?.answers.filter(({ test }) => test === "demonstrations") ?? [];
  return {
    title: "Answers of the first seed",
    notes: [],
    columns: shown.map(({ label }) => ({ title: label, kind: "text" })),
    rows: sentences.map(({ prompt, label = prompt, wanted }) => ({
      label: `${label} → ${wanted}`,
      cells: shown.map(({ answers }) => {
        const found = answers.find((answer) => answer.prompt === prompt);
        return found ? `${found.right ? "✓" : "✗"} ${found.answer}` : undefined;
      }),
    })),
  };
};

/** The demonstration sentences. */
export const demonstrations: Experiment = {
  name: "demonstrations",
  title: "Demonstration sentences and their negations",
  paper: "Demonstration",
  protocol: [
    "One unseen check with the token in four clauses that ask for its format, five that forbid it, " +
    'and one question that only mentions it. "do not the <sep> format" lacks its verb in the original ' +
    "and is kept beside its grammatical form.",
    "Greedy answers. As wanted: JSON where it is asked for, anything else where it is not.",
  ],
  deviations: ["In the words of the miniature world; the paper shows single answers, not rates."],
  settings: { seeds: 5 },
  quick: { seeds: 1, data: { testItems: 20 }, mixing: { diverseRatio: 3 } },
  recipes: () => recipes,
  measures: ["demonstrations"],
  findings: (records) => ({
    tables: [
      {
        title: "Share of sentences answered as wanted",
        notes: ["Mean over seeds and 95 % interval over seeds and sentences."],
        columns,
        rows: recipeRows(records, recipes, columns),
      },
      answersTable(records),
    ],
    figures: [],
    claims: [
      comparePair(records, {
        claim: "DELIA answers more of the sentences as wanted than common tuning of as many steps",
        pair: ["delia", "common_matched_steps"],
        metric: "demonstrations",
      }),
    ],
  }),
};
