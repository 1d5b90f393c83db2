/** The buffering effect, measured: the gradients of task, diverse and ideal data while training. @module */
import type { Experiment } from "../experiment.ts";
import { probeClaims } from "../probe/claims.ts";
import { probeFigures } from "../probe/figures.ts";
import { cancellationTable, gradientTables, idealTable, moduleTable } from "../probe/tables.ts";
import { commonMatched, delia } from "../standard_recipes.ts";

const recipes = [delia, { ...commonMatched, label: "common tuning" }];

/** The probe. */
export const probe: Experiment = {
  name: "probe",
  title: "The buffering effect, measured",
  paper: "Section 3, equations 5–11",
  protocol: [
    "Before the first step, after 16, 32, 64, … and after the last one, gradients of whole micro-batches " +
    "are taken on the weights as they are; the training goes on as if they had not been.",
    "Task: 4 micro-batches of the downstream examples. Diverse: 16 micro-batches of the base's " +
    "own answers to questions that training does not show; near: 4 to checks, far: 4 to the others.",
    "Ideal: 8 micro-batches of everything the token should mean: checks and other tasks with the " +
    "token, answered in JSON, tasks without it and tasks that forbid it, answered plainly, a quarter " +
    "each, in the frames and wordings of both splits, with right answers.",
    "Common tuning takes as many steps as DELIA; both trainings of a seed begin with the same adapter " +
    "and the same row.",
    "A claim is told from the 95 % interval over the seeds, three at least.",
  ],
  deviations: [
    "The paper derives the effect and measures none of it: whatever is shown here is without a " +
    "counterpart there.",
    "The gradients are those of the adapter and the new row, which is what is trained, not of all " +
    "weights.",
  ],
  settings: { seeds: 5 },
  quick: { seeds: 1, data: { downstreamItems: 64, testItems: 20 }, mixing: { diverseRatio: 3 } },
  recipes: () => recipes,
  measures: ["gradients"],
  findings: (records) => ({
    tables: [
      ...gradientTables(records, recipes),
      cancellationTable(records, recipes),
      idealTable(records, recipes),
      ...recipes.map((recipe) => moduleTable(records, recipe)),
    ],
    figures: probeFigures(records, recipes),
    claims: probeClaims(records),
  }),
};
