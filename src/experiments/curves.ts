/** What is followed while a recipe trains: loss on the held-out task. @module */
import { Effect } from "effect";
import { exampleLosses } from "../evaluation/example_losses.ts";
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
  measures: ReadonlyArray<Measure>,
): CurveWatch | undefined => {
  const wanted = measures.filter((name) => name === "held_out_loss");
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
      }),
  };
};
