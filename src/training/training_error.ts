/** What can go wrong with a training whose data and weights are sound. @module */
import { type Cause, Data } from "effect";

/** Why a {@linkcode TrainingError} happened; match on `_tag`. */
export type TrainingReason = {
  readonly _tag: "Diverged";
  /** Which training it is, such as an arm; absent where nobody named it. */
  readonly training?: string;
  readonly seed: number;
  /** The first optimizer step whose numbers show it, from 0. */
  readonly step: number;
  /** What is no number any more; the values are looked at after the last step. */
  readonly of: "loss" | "gradient norm" | "norm of the trained values";
  readonly found: number;
  readonly learningRate: number;
};

const TrainingErrorBase: new (fields: { readonly reason: TrainingReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "TrainingError"; readonly reason: TrainingReason } = Data.TaggedError(
    "TrainingError",
  );

// Steps are counted from 1 here, as the progress line counts them.
const explain = ({ training, seed, step, of, found, learningRate }: TrainingReason): string =>
  `${training ?? "Training"} (seed ${seed}) diverged at step ${step + 1}: the ${of} should be ` +
  `finite but is ${found}, at a learning rate of ${
    Number(learningRate.toPrecision(3))
  }. Lower optimizer.learningRate, ` +
  "raise optimizer.warmupSteps, or clip more with optimizer.clipNorm";

/** The one error of the `training` folder. Its message names the training, the step and the remedy. */
export class TrainingError extends TrainingErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}

/** The same error; a {@linkcode TrainingError} says which training it was, and counts the steps before it. */
export const errorIn =
  (training: string, stepsBefore = 0) => <E>(error: E | TrainingError): E | TrainingError => {
    if (!(error instanceof TrainingError)) return error;
    const { reason } = error;
    const step = stepsBefore + reason.step;
    return new TrainingError({ reason: { ...reason, training, step } });
  };
