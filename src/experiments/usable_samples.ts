/** The base's own answers that may be trained on: collected with progress, the others counted. @module */
import { Effect, Stream } from "effect";
import type { PromptMode } from "../config/sampling_config.ts";
import { type DataError, someChats } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { isGuided } from "../delia/guided_prompt.ts";
import { rejectionOf, type SelfSample } from "../delia/self_sample.ts";
import type { Progress } from "../report/progress.ts";

/** How the collecting shows itself, and what makes an answer usable. */
export interface Collecting {
  readonly progress: Progress;
  /** The name of this part of the job. */
  readonly label: string;
  /** Answers that will come. */
  readonly total: number;
  readonly tokenizer: Tokenizer;
  /** The new token: no answer may hold it. */
  readonly token: string;
  /** How the questions were asked. */
  readonly promptMode: PromptMode;
}

/** The usable ones of `samples` by index; how many are left out is said where the part ends. Fails where all are. */
export const usableSamples = <E, R>(
  samples: Stream.Stream<SelfSample, E, R>,
  { progress, label, total, tokenizer, token, promptMode }: Collecting,
): Effect.Effect<ReadonlyArray<SelfSample>, E | DataError, R> =>
  Effect.gen(function* () {
    const part = progress.begin(label, total, "answers");
    const all = yield* samples.pipe(
      Stream.zipWithIndex,
      Stream.map(([sample, before]) => {
        part.advance(before + 1);
        return sample;
      }),
      Stream.runCollect,
    );
    const usable = all
      .filter((sample) => !rejectionOf(sample, token, { tokenizer, promptMode }))
      .toSorted((a, b) => a.index - b.index);
    const left = all.length - usable.length;
    const speaking = isGuided(promptMode) ? ", of the reference" : "";
    part.end(
      left > 0
        ? `${left} of ${all.length} left out (empty, cut off, special tokens${speaking})`
        : undefined,
    );
    // None of none is what was asked for; none of some would be tuning without diverse data.
    return all.length === 0 ? usable : yield* someChats(usable, label, left);
  });
