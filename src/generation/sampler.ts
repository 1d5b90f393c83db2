/** The contract for answering prompts, whoever answers: a model here, one behind HTTP, or a list. @module */
import { type Cause, Context, Data, Layer, Stream } from "effect";

/** A prompt in token ids, and the seed of its own draws. */
export interface Prompt {
  readonly ids: ReadonlyArray<number>;
  readonly seed: number;
}

/** How tokens are drawn. */
export interface Decoding {
  /** Divides the logits; 0 is greedy. */
  readonly temperature: number;
  /** Draw from the fewest tokens that hold this share of the probability. */
  readonly topP: number;
  readonly maxNewTokens: number;
  /** Ids that end an answer; they are not part of it. */
  readonly stopIds: ReadonlyArray<number>;
  /** Ids that may be drawn: the first so many. A model may have spare rows behind its tokenizer's. */
  readonly valid: number;
}

/** One answer. */
export interface Completion {
  /** Index of its prompt. */
  readonly index: number;
  /** Its tokens, the one that ended it left out. */
  readonly ids: ReadonlyArray<number>;
  /** Log-probability of each token, in nats, at temperature 1. */
  readonly logProbabilities: ReadonlyArray<number>;
  /** `stop`: a stop id ended it; `length`: it ran out of tokens. */
  readonly finish: "stop" | "length";
}

const SamplerErrorBase: new (fields: { readonly problem: string }) =>
  & Cause.YieldableError
  & { readonly _tag: "SamplerError"; readonly problem: string } = Data.TaggedError("SamplerError");

/** Why no answer came. */
export class SamplerError extends SamplerErrorBase {
  override get message(): string {
    return `No answer could be sampled: ${this.problem}`;
  }
}

/** Answers prompts. */
export interface Sampler {
  /** Completions in any order, each with the index of its prompt. */
  readonly generate: (
    prompts: ReadonlyArray<Prompt>,
    decoding: Decoding,
  ) => Stream.Stream<Completion, SamplerError>;
}

/** Key of the {@linkcode Sampler} service. */
export const Sampler: Context.Service<Sampler, Sampler> = Context.Service(
  "delia/generation/Sampler",
);

/** Answers every prompt by `answer`, for tests. */
export const layerCanned = (
  answer: (prompt: Prompt, index: number) => ReadonlyArray<number>,
): Layer.Layer<Sampler> =>
  Layer.succeed(Sampler, {
    generate: (prompts) =>
      Stream.fromIterable(prompts.map((prompt, index): Completion => {
        const ids = answer(prompt, index);
        return { index, ids, logProbabilities: ids.map(() => 0), finish: "stop" };
      })),
  });
