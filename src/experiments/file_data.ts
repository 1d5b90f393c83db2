/** Data of the user's own: chats from JSONL files, tuned on and not tested. @module */
import { Effect, type FileSystem, Stream } from "effect";
import { ConfigError, type ConfigProblem } from "../config/config_error.ts";
import type { DataConfig } from "../config/data_config.ts";
import { armNames, type RunConfig } from "../config/run_config.ts";
import type { Chat } from "../data/chat.ts";
import type { DataError } from "../data/data_error.ts";
import type { Datasets } from "../data/datasets.ts";
import { encodeChat, type Example } from "../data/example.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { diverseChats } from "../delia/diverse_chats.ts";
import type { SampleCacheError } from "../delia/sample_cache_error.ts";
import type { RunData } from "./run_data.ts";
import { anchorTask } from "./task_anchor.ts";
import { taskChats } from "./task_chats.ts";

/** Chats encoded at a time. */
const encodedTogether = 64;

const encodeAll = <E, R>(
  chats: Stream.Stream<Chat, E, R>,
  tokenizer: Tokenizer,
  { training }: RunConfig,
): Effect.Effect<ReadonlyArray<Example>, DataError | E, R> =>
  chats.pipe(
    Stream.grouped(encodedTogether),
    Stream.mapEffect((group) =>
      Effect.forEach(group, (chat) => encodeChat(tokenizer, chat, training))
    ),
    Stream.flattenIterable,
    Stream.runCollect,
  );

/**
 * Reads `data.downstream` and, where it is given, `data.diverse`. The phrasings are those in the
 * file; self-samples of the task are read as `taskChats` says. Fails naming file and line for a chat that cannot be trained on.
 */
export const fileData = (
  tokenizer: Tokenizer,
  config: RunConfig,
  downstream: string,
): Effect.Effect<
  RunData,
  DataError | SampleCacheError,
  Datasets | FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    const { data: { diverse }, newToken } = config;
    const task = yield* taskChats(downstream, { token: newToken.token, tokenizer });
    const opened = task.chats.map((chat) => anchorTask(chat, config.data.anchor));
    const chats = diverse === undefined ? [] : yield* diverseChats(diverse, newToken.token);
    return {
      downstream: {
        diversified: yield* encodeAll(Stream.fromIterable(opened), tokenizer, config),
      },
      diverse: { examples: yield* encodeAll(Stream.fromIterable(chats), tokenizer, config) },
      ...task.notes.length > 0 ? { notes: task.notes } : {},
    };
  });

// Settings that `train` would not read.
const ofExperiments = (data: DataConfig): ConfigProblem[] =>
  (["test", "questions", "facts", "heldOutPhrasings", "contextAfter", "negation"] as const)
    .filter((name) => data[name] !== undefined)
    .map((name) => ({
      path: `data.${name}`,
      problem: "train does not test on files; `deno task delia experiment` does",
    }));

/**
 * The settings of a run on files: where all arms are asked for, which is the default, only `delia`
 * remains, for without test sets there is nothing to compare. Fails with what files cannot give.
 */
export const settingsForFiles = (config: RunConfig): Effect.Effect<RunConfig, ConfigError> => {
  const { data, mixing } = config;
  const problems = ofExperiments(data);
  if (data.downstream === undefined && problems.length === 0) return Effect.succeed(config);
  const arms = config.arms.length === armNames.length ? ["delia" as const] : config.arms;
  if (arms.includes("one_phrasing_diverse")) {
    const problem = "one_phrasing_diverse needs phrasings that are known; a file's are not";
    problems.push({ path: "arms", problem });
  }
  if (data.diverse === undefined && mixing.strategy !== "downstream_only") {
    const problem = "give --diverse FILE (`deno task delia sample` makes one), or set " +
      "mixing.strategy=downstream_only to tune without diverse data";
    problems.push({ path: "data.diverse", problem });
  }
  return problems.length === 0
    ? Effect.succeed({ ...config, arms })
    : Effect.fail(new ConfigError({ reason: { _tag: "Invalid", problems } }));
};
