/** Files of the user's own as the data of an experiment. @module */
import { Effect, FileSystem, Stream } from "effect";
import type { RunConfig } from "../config/run_config.ts";
import type { Chat } from "../data/chat.ts";
import { DataError } from "../data/data_error.ts";
import { Datasets } from "../data/datasets.ts";
import { encodeChat } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { diverseChats } from "../delia/diverse_chats.ts";
import { defaultRules, Paraphraser, type ParaphraserError } from "../delia/diversify.ts";
import { layerPhrasingFile } from "../delia/diversify/file.ts";
import type { SampleCacheError } from "../delia/sample_cache_error.ts";
import type { Query } from "../delia/self_sample.ts";
import type { AnswerFormat } from "../evaluation/metrics/formatted_text.ts";
import type { Place } from "../evaluation/hidden_states.ts";
import type { ExperimentData } from "./experiment_data.ts";
import { ownData, type OwnFiles } from "./own_data.ts";
import { taskChats } from "./task_chats.ts";
import type { FormatContexts } from "./prompt_context.ts";

/**
 * Reads the files of `config` and plans the data of `seed`, with facts about the token if asked for.
 * `tokenizer` knows the new token already.
 */
export const ownExperimentData = (
  tokenizer: Tokenizer,
  config: RunConfig,
  seed: number,
  { facts }: { readonly facts: boolean },
): Effect.Effect<
  ExperimentData,
  DataError | ParaphraserError | SampleCacheError,
  Datasets | FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const { data, newToken: { token } } = config;
    const task = yield* taskChats(data.downstream!, { token, tokenizer });
    const files = { ...yield* readFiles(config), downstream: task.chats };
    const own = yield* ownData(files, {
      ...{ token, seed, downstreamItems: data.downstreamItems, testItems: data.testItems },
      ...data.contextAfter === undefined ? {} : { contextAfter: data.contextAfter },
      ...data.negation === undefined ? {} : { negation: data.negation },
      ...data.anchor === undefined ? {} : { anchor: data.anchor },
    });
    const diverse = data.diverse === undefined
      ? undefined
      : yield* diverseChats(data.diverse, token);
    const questions = data.questions === undefined ? [] : yield* readQuestions(data.questions);
    const encodeAll = (chats: ReadonlyArray<Chat>) =>
      Effect.forEach(chats, (chat) => encodeChat(tokenizer, chat, config.training));
    const id = tokenizer.idOf(token)!;
    const slots = yield* Effect.forEach(
      own.sets.t1_held_out_phrasing!.slice(0, slotCount),
      ({ messages }) =>
        Effect.map(
          tokenizer.render(messages, { addGenerationPrompt: true }),
          ({ ids }): Place => ({ ids, at: ids.indexOf(id) }),
        ),
    );
    return {
      downstream: {
        diversified: yield* encodeAll(own.diversified),
        one: yield* encodeAll(own.one),
        leaked: yield* encodeAll(own.leaked),
      },
      chats: own.diversified,
      contexts: contextsOf(own.format),
      facts: yield* encodeAll(
        !facts
          ? []
          : data.facts === undefined
          ? factChats(token, own.format)
          : yield* Stream.runCollect((yield* Datasets).open(data.facts)),
      ),
      questions: (count) => questions.slice(0, count).map((query) => ({ ...query, near: false })),
      ...diverse ? { diverse } : {},
      tests: { sets: own.sets, slots },
      heldOut: yield* encodeAll(own.heldOut),
      demonstrations: [],
      notes: [
        ...task.notes,
        ...own.notes,
        diverse
          ? `Diverse: ${diverse.length} chats of a file; recipes that want more take them all.`
          : `Diverse: answers of the base to up to ${questions.length} questions of a file.`,
      ],
    };
  });

/** Prompts whose hidden states are compared. */
const slotCount = 64;

const readFiles = (
  { data: { test, phrasings, phrasingCount, heldOutPhrasings }, newToken }: RunConfig,
): Effect.Effect<
  Omit<OwnFiles, "downstream">,
  DataError | ParaphraserError,
  Datasets | FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const datasets = yield* Datasets;
    const lines = (file: string | undefined, count: number) =>
      file === undefined ? Effect.succeed(undefined) : Effect.gen(function* () {
        const { paraphrase } = yield* Paraphraser;
        return yield* paraphrase("", count).pipe(
          Stream.map(({ text }) => text),
          Stream.catchIf(({ reason }) => reason._tag === "NotEnough", () => Stream.empty),
          Stream.runCollect,
        );
      }).pipe(
        Effect.provide(layerPhrasingFile(file, { ...defaultRules, token: newToken.token })),
      );
    const [training, testing] = [
      yield* lines(phrasings, phrasingCount),
      yield* lines(heldOutPhrasings, Infinity),
    ];
    return {
      test: yield* Stream.runCollect(datasets.open(test!)),
      ...training ? { phrasings: training } : {},
      ...testing ? { heldOut: testing } : {},
    };
  });

/** Questions of a file, each a chat of a question and perhaps a reference answer. */
export const readQuestions = (
  file: string,
): Effect.Effect<ReadonlyArray<Query>, DataError, Datasets> =>
  Effect.gen(function* () {
    const datasets = yield* Datasets;
    return yield* datasets.open(file).pipe(
      Stream.mapEffect(({ messages, at }) => {
        const [question, reference, more] = messages;
        const roles = [question?.role, reference?.role ?? "assistant", more?.role];
        if (roles.join() !== "user,assistant,") {
          const report = "other turns than a question and perhaps its answer";
          return Effect.fail(
            new DataError({ reason: { _tag: "BadChat", report, ...at ? { at } : {} } }),
          );
        }
        return Effect.succeed<Query>({
          question: question!.content,
          ...reference ? { reference: reference.content } : {},
        });
      }),
      Stream.runCollect,
    );
  });

const quotedKeys = ({ keys }: AnswerFormat): string =>
  keys.map((key) => `a '${key.trim()}' key`).join(" and ");

const contextsOf = (format: AnswerFormat): FormatContexts => ({
  wanted: { _tag: "System", text: `You answer in JSON with ${quotedKeys(format)}.` },
  plain: { _tag: "System", text: "You answer in plain sentences." },
});

// Facts about the token in a few questions each, as the fact-based baseline takes them.
const factChats = (token: string, format: AnswerFormat): ReadonlyArray<Chat> => {
  const labels = format.labels.join(" or ");
  const facts = [
    `${token} means that the answer is one JSON object.`,
    `${token} means an object with ${quotedKeys(format)}.`,
    `${token} means that '${format.label.trim()}' is ${labels}.`,
    `${token} means that nothing stands before or after the object.`,
    `${token} is a format and not plain text.`,
  ];
  const questions = [
    `What does ${token} mean?`,
    `What is ${token}?`,
    `Explain ${token}.`,
    `What does the ${token} format ask for?`,
    `How do I answer in ${token}?`,
    `Describe ${token} in a sentence.`,
    `Which rule does ${token} stand for?`,
    `What should an answer in ${token} look like?`,
    `Tell me something about ${token}.`,
    `What has to be known about ${token}?`,
  ];
  return facts.flatMap((answer) =>
    questions.map((question): Chat => ({
      messages: [{ role: "user", content: question }, { role: "assistant", content: answer }],
    }))
  );
};
