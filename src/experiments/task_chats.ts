/**
 * Downstream chats from a file: as they are, or self-samples of the task, which make the model's own words
 * the targets (SDFT, Yang et al. 2024, arXiv 2402.13669).
 *
 * @module
 */
import { Effect, type FileSystem, Result, Stream } from "effect";
import type { Chat } from "../data/chat.ts";
import { type DataError, someChats } from "../data/data_error.ts";
import { Datasets } from "../data/datasets.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { readSamples, type SampleCacheError, type StoredSamples } from "../delia/sample_cache.ts";
import { chatOf, type Rejection, rejectionOf, type SelfSample } from "../delia/self_sample.ts";
import { findObject } from "../evaluation/metrics/find_object.ts";
import { type AnswerFormat, labelOf } from "../evaluation/metrics/formatted_text.ts";
import { answerFormat } from "./answer_format.ts";

/** Why an answer of the model does not take the place of its reference. */
export type KeptReference =
  | Rejection
  /** It is the reference, word for word. */
  | "same_words"
  /** Of formatted text: no object of the reference's keys and labels, or more than that. */
  | "other_format"
  /** Of formatted text: an object with another label. */
  | "other_label";

/** The chats of a task, and what was done to have them. */
export interface TaskChats {
  readonly chats: ReadonlyArray<Chat>;
  /** A sentence each. */
  readonly notes: ReadonlyArray<string>;
}

/** What {@linkcode taskChats} knows beside the file. */
export interface TaskOptions {
  /** The new token: no answer of the model may hold it. */
  readonly token: string;
  /** Without it special tokens are not looked for. */
  readonly tokenizer?: Tokenizer;
}

/**
 * The chats in `file`. Where it holds self-samples, each answer is the target of its question, or the
 * reference is: where the answer is rejected as diverse data would be, and, where all references are objects
 * of the same keys (formatted text), where it is not such an object with the label of the reference and
 * nothing around it. An answer that is rejected and has no reference is left out. All are counted in the notes.
 */
export const taskChats = (
  file: string,
  options: TaskOptions,
): Effect.Effect<TaskChats, DataError | SampleCacheError, Datasets | FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const stored = yield* readSamples(file);
    if (stored) {
      const task = rewritten(file, stored, options);
      yield* someChats(task.chats, file, stored.samples.length);
      return task;
    }
    const datasets = yield* Datasets;
    return { chats: yield* Stream.runCollect(datasets.open(file)), notes: [] };
  });

const rewritten = (
  file: string,
  { samples, places, promptMode }: StoredSamples,
  { token, tokenizer }: TaskOptions,
): TaskChats => {
  const references = samples.flatMap(({ reference }) => reference ?? []);
  const format = Result.getOrUndefined(answerFormat(references));
  const options = { promptMode, ...tokenizer ? { tokenizer } : {} };
  const [kept, left] = [new Map<KeptReference, number>(), new Map<KeptReference, number>()];
  const chats = samples.flatMap((sample, at): ReadonlyArray<Chat> => {
    const chat = { ...chatOf(sample), at: places[at]! };
    const reason = rejectionOf(sample, token, options) ?? differenceOf(sample, format);
    if (reason === undefined) return [chat];
    const { reference } = sample;
    const counts = reference === undefined ? left : kept;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return reference === undefined
      ? []
      : [{ ...chatOf({ ...sample, answer: reference }), at: places[at]! }];
  });
  const [keeping, leaving] = [sum(kept), sum(left)];
  const own = samples.length - keeping - leaving;
  return {
    chats,
    notes: [
      `Rewritten answers: ${own} of ${samples.length} in ${file} are the model's own` +
      (format ? `, with the label (${format.label.trim()}) of the reference` : "") +
      `; ${keeping} keep the reference${listed(kept)}` +
      (leaving > 0 ? `; ${leaving} have none and are left out${listed(left)}.` : "."),
    ],
  };
};

// What the task needs and an answer lacks.
const differenceOf = (
  { answer, reference }: SelfSample,
  format: AnswerFormat | undefined,
): KeptReference | undefined => {
  if (reference === undefined) return undefined;
  if (answer.trim() === reference.trim()) return "same_words";
  if (!format) return undefined;
  const label = labelOf(answer, format);
  if (label === undefined || (standsAlone(reference) && !standsAlone(answer))) {
    return "other_format";
  }
  return label === labelOf(reference, format) ? undefined : "other_label";
};

const standsAlone = (answer: string): boolean => {
  const text = answer.trim();
  const found = findObject(text);
  return found?.start === 0 && found.end === text.length;
};

const sum = (counts: ReadonlyMap<KeptReference, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0);

const names: Readonly<Record<KeptReference, string>> = {
  empty: "empty",
  cut_off: "cut off",
  names_new_token: "naming the new token",
  speaks_of_reference: "speaking of the reference",
  special_token: "with special tokens",
  same_words: "the same words",
  other_format: "in another form",
  other_label: "with another label",
};

const listed = (counts: ReadonlyMap<KeptReference, number>): string =>
  counts.size === 0
    ? ""
    : ` (${[...counts].map(([reason, count]) => `${count} ${names[reason]}`).join(", ")})`;
