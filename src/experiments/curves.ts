/** What is followed while a recipe trains: held-out loss, and the state space of the first divergent token. @module */
import { Effect } from "effect";
import type { Example } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { exampleLosses } from "../evaluation/example_losses.ts";
import type { Place } from "../evaluation/hidden_states.ts";
import { logitsAt } from "../evaluation/logits_at.ts";
import { stateSpace } from "../evaluation/metrics/state_space.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { Subject } from "../nn/adapter.ts";
import type { CurvePoint, Measure } from "./experiment.ts";
import type { ExperimentData } from "./experiment_data.ts";
import type { Trained } from "./train_recipe.ts";

/** Measures at some steps, and what has been measured. */
export interface CurveWatch {
  readonly watch: (done: Trained) => Effect.Effect<void, GpuError, Gpu>;
  readonly read: () => Readonly<Record<string, ReadonlyArray<CurvePoint>>>;
}

/** A watch for the measures that are curves; undefined where there is none among `measures`. */
export const curveWatch = (
  subject: Subject,
  { heldOut }: ExperimentData,
  tokenizer: Tokenizer,
  measures: ReadonlyArray<Measure>,
): CurveWatch | undefined => {
  const wanted = measures.filter((name) => name === "held_out_loss" || name === "state_space");
  if (wanted.length === 0) return undefined;
  const points: Record<string, CurvePoint[]> = {};
  const add = ({ steps, exposures }: Trained, name: string, value: number): void => {
    (points[name] ??= []).push({ step: steps, exposures, value });
  };
  return {
    read: () => points,
    watch: (done) =>
      Effect.gen(function* () {
        if (wanted.includes("held_out_loss")) {
          const losses = yield* exampleLosses(subject, heldOut);
          const tokens = losses.reduce((sum, { supervisedTokens }) => sum + supervisedTokens, 0);
          add(done, "held_out_loss", losses.reduce((sum, loss) => sum + loss.sum, 0) / tokens);
        }
        if (wanted.includes("state_space")) {
          const firsts = heldOut.map(firstAnswerToken);
          const rows = yield* logitsAt(subject, firsts.map(({ place }) => place));
          const states = rows.map((row, index) =>
            stateSpace(row, firsts[index]!.gold, { validVocab: tokenizer.vocabSize })
          );
          for (
            const name of ["surprise", "entropy", "effectiveStates", "nucleus", "rank"] as const
          ) {
            add(done, name, mean(states.map((state) => state[name])));
          }
        }
      }),
  };
};

// The first label of an example is the opening brace; what precedes it predicts it.
const firstAnswerToken = ({ ids, supervised }: Example): {
  readonly place: Place;
  readonly gold: number;
} => {
  const first = supervised.indexOf(true);
  return { place: { ids, at: first - 1 }, gold: ids[first]! };
};

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
