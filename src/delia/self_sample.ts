/**
 * Self-sampling: the base model answers diverse questions itself, so that the diverse data carry its
 * own style and pull it nowhere (DELIA, arXiv 2408.10841, section 3.1).
 *
 * @module
 */
import { Effect, Stream } from "effect";
import type { PromptMode, SamplingConfig } from "../config/sampling_config.ts";
import type { Chat, Message } from "../data/chat.ts";
import type { DataError } from "../data/data_error.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { randomBits } from "../gpu/random.ts";
import { guidedPrompt, isGuided, speaksOfReference } from "./guided_prompt.ts";
import { type Completion, Sampler, type SamplerError } from "../generation/sampler.ts";

/** A question, and the reference answer that all prompt modes but `none` show. */
export interface Query {
  readonly question: string;
  readonly reference?: string;
}

/** A question with the model's own answer. */
export interface SelfSample {
  /** Index of its query: what a resumed run skips by. */
  readonly index: number;
  readonly question: string;
  /** That of its query. */
  readonly reference?: string;
  readonly answer: string;
  readonly finish: Completion["finish"];
}

/** Why a sample is left out of the diverse data. */
export type Rejection =
  | "empty"
  | "cut_off"
  | "names_new_token"
  /** Of guided prompts: the answer speaks of the reference answer or of itself. */
  | "speaks_of_reference"
  | "special_token";

/** What {@linkcode rejectionOf} knows beside the sample. */
export interface RejectionOptions {
  /** Without it special tokens are not looked for. */
  readonly tokenizer?: Tokenizer;
  /** How the questions were asked. */
  readonly promptMode?: PromptMode | undefined;
}

/**
 * Chats of the prompt: `repeat` asks the same question again after its reference answer, `using` and
 * `refer` put both into one message.
 */
export const promptMessages = (
  { question, reference }: Query,
  { promptMode, system }: Pick<SamplingConfig, "promptMode" | "system">,
): ReadonlyArray<Message> => {
  const ask: Message = { role: "user", content: question };
  const turns = (): ReadonlyArray<Message> => {
    if (reference === undefined || promptMode === "none") return [ask];
    return isGuided(promptMode)
      ? [{ role: "user", content: guidedPrompt(promptMode, question, reference) }]
      : [ask, { role: "assistant", content: reference }, ask];
  };
  return [
    ...system === undefined ? [] : [{ role: "system", content: system } as const],
    ...turns(),
  ];
};

/** What is wrong with `sample` as data to train on, or undefined. */
export const rejectionOf = (
  sample: SelfSample,
  newToken: string,
  { tokenizer, promptMode }: RejectionOptions = {},
): Rejection | undefined => {
  const { answer, finish } = sample;
  if (answer.trim() === "") return "empty";
  if (finish === "length") return "cut_off";
  if (answer.includes(newToken)) return "names_new_token";
  if (isGuided(promptMode) && speaksOfReference(answer, sample)) return "speaks_of_reference";
  if (!tokenizer) return undefined;
  const ids = tokenizer.encode(answer);
  return tokenizer.decode(ids) === tokenizer.decode(ids, { skipSpecial: true })
    ? undefined
    : "special_token";
};

const trimmed = (answer: string, trim: SamplingConfig["trim"]): string =>
  trim === "two_characters" ? answer.slice(2) : answer.trimStart();

/** A sample as a chat to train on. */
export const chatOf = ({ question, answer }: SelfSample): Chat => ({
  messages: [{ role: "user", content: question }, { role: "assistant", content: answer }],
});

/** Batches rendered ahead: the sampler refills a batch until they are used up. */
const batchesAtATime = 16;

/**
 * Answers `queries` with the {@linkcode Sampler}, `config.batchSize` at once. The seed of an
 * item follows from `config.seed` and its index alone, so that a run that skips the indices in
 * `done` gives the others the same answers.
 */
export const selfSample = (
  queries: ReadonlyArray<Query>,
  tokenizer: Tokenizer,
  config: SamplingConfig,
  done: ReadonlySet<number> = new Set(),
): Stream.Stream<SelfSample, DataError | SamplerError, Sampler> =>
  Stream.unwrap(Effect.gen(function* () {
    const sampler = yield* Sampler;
    const decoding = { ...config, stopIds: tokenizer.stopIds, valid: tokenizer.vocabSize };

    const answerAll = (group: ReadonlyArray<readonly [Query, number]>) =>
      Effect.gen(function* () {
        const prompts = yield* Effect.forEach(group, ([query, index]) =>
          Effect.map(
            tokenizer.render(promptMessages(query, config), {
              addGenerationPrompt: true,
            }),
            ({ ids }) => ({ ids, seed: randomBits(config.seed, 0, index) }),
          ));
        return sampler.generate(prompts, decoding).pipe(
          Stream.map((completion): SelfSample => {
            const [query, index] = group[completion.index]!;
            return {
              index,
              question: query.question,
              ...query.reference === undefined ? {} : { reference: query.reference },
              answer: trimmed(tokenizer.decode(completion.ids), config.trim),
              finish: completion.finish,
            };
          }),
        );
      });

    return Stream.fromIterable(queries).pipe(
      Stream.zipWithIndex,
      Stream.filter(([, index]) => !done.has(index)),
      Stream.grouped(batchesAtATime * config.batchSize),
      Stream.mapEffect(answerAll),
      Stream.flatMap((answers) => answers),
    );
  }));
