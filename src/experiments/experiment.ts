/** An experiment of the paper, or one that it lacks: recipes, what is measured, and what that shows. @module */
import type { RunConfig, RunConfigInput } from "../config/run_config.ts";
import type { Translated } from "../evaluation/metrics/metric.ts";
import type { Recipe } from "./recipe.ts";
import type { Figure, Table } from "./presentation.ts";

/** What is measured of each trained recipe. */
export type Measure =
  /** Rates T1–T6 on the miniature world, exactness and verdicts. */
  | "rates"
  /** L2 of the new token to words at every block, in four variants with controls. */
  | "distances"
  /** Loss on the held-out task while training, by step. */
  | "held_out_loss"
  /** State space of the first divergent token while training, by step. */
  | "state_space"
  /** Gradients of task, diverse and ideal data while training, by step. */
  | "gradients"
  /** Translations of the test documents, and the loss on their references. */
  | "translations"
  /** Answers to the demonstration sentences and their negations. */
  | "demonstrations";

/** One recipe trained with one seed: a line of `records.jsonl`. */
export interface RecipeRecord {
  readonly recipe: string;
  readonly seed: number;
  readonly steps: number;
  readonly tokens: number;
  readonly supervisedTokens: number;
  /** Downstream examples seen, repetitions counted. */
  readonly exposures: number;
  /** Diverse examples that an epoch wanted and that were not there; absent where none was missing. */
  readonly shortage?: number;
  /**
   * SHA-256 by what it is of: the base's files by their names, `downstream`, `diverse` and `facts` as this
   * recipe had them, and `tests`. Records of older runs lack it.
   */
  readonly hashes?: Readonly<Record<string, string>>;
  /** Numbers by name, such as `t1_held_out_phrasing`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** By metric, whether each item was as wanted: what intervals are made of. */
  readonly items: Readonly<Record<string, ReadonlyArray<number>>>;
  /** Series by name: what was measured after which step. */
  readonly curves: Readonly<Record<string, ReadonlyArray<CurvePoint>>>;
  readonly answers: ReadonlyArray<Answer>;
  /** Each test document as it was translated: what corpus metrics and their intervals are made of. */
  readonly translations?: ReadonlyArray<Translated>;
  /** Why nothing was measured. */
  readonly refused?: string;
}

/** What estimates are made of. */
export type ScoredRecord = Pick<RecipeRecord, "recipe" | "seed" | "metrics" | "items">;

/** A value after so many steps. */
export interface CurvePoint {
  readonly step: number;
  readonly exposures: number;
  readonly value: number;
}

/** An answer that is kept for the report. */
export interface Answer {
  readonly test: string;
  readonly prompt: string;
  /** The prompt in short, where much of it is common to all. */
  readonly label?: string;
  readonly answer: string;
  readonly wanted: string;
  readonly right: boolean;
}

/** A training that is to be done. */
export interface Planned {
  readonly recipe: Recipe;
  readonly seed: number;
}

/** What an experiment makes of its records. */
export interface Findings {
  readonly tables: ReadonlyArray<Table>;
  readonly figures: ReadonlyArray<Figure>;
  /** What the paper claims, and what the records say. */
  readonly claims: ReadonlyArray<Finding>;
}

/** A claim of the paper and whether it holds here. */
export interface Finding {
  readonly claim: string;
  readonly verdict: "holds" | "does not hold" | "cannot be told";
  readonly text: string;
}

/** A protocol: what is run, and what is made of it. */
export interface Experiment {
  /** As the command line names it. */
  readonly name: string;
  readonly title: string;
  /** Where in the paper it stands, such as `Table 4`. */
  readonly paper: string;
  /** Definitions and choices, a sentence each: what the paper leaves open is declared here. */
  readonly protocol: ReadonlyArray<string>;
  /** What differs from the paper's own protocol, and why. */
  readonly deviations: ReadonlyArray<string>;
  /** Settings over those of the preset; `quick` over these, for a short look. */
  readonly settings: RunConfigInput;
  readonly quick: RunConfigInput;
  /** Every recipe that may be trained. */
  readonly recipes: (config: RunConfig) => ReadonlyArray<Recipe>;
  /** What to train next, given what is done; nothing: the experiment ends. Every recipe with every seed unless told. */
  readonly plan?: (
    config: RunConfig,
    records: ReadonlyArray<RecipeRecord>,
  ) => ReadonlyArray<Planned>;
  readonly measures: ReadonlyArray<Measure>;
  /** Runs on files of the user's own too; without it on the miniature world alone. */
  readonly ownData?: true;
  readonly findings: (records: ReadonlyArray<RecipeRecord>, config: RunConfig) => Findings;
}

/** The trainings of `experiment` that `records` lack: what runs next. */
export const plannedOf = (
  { recipes, plan }: Experiment,
  config: RunConfig,
  records: ReadonlyArray<RecipeRecord>,
): ReadonlyArray<Planned> => {
  const { seeds, training: { seed } } = config;
  const all = plan
    ? plan(config, records)
    : Array.from({ length: seeds }, (_, i) => seed + i).flatMap((seed) =>
      recipes(config).map((recipe): Planned => ({ recipe, seed }))
    );
  return all.filter(({ recipe, seed }) =>
    !records.some((record) => record.recipe === recipe.name && record.seed === seed)
  );
};
