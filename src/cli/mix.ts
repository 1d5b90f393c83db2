/** `mix`: writes downstream and diverse data in the order that training takes them. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import { downstreamExamples } from "../../fixtures/world/downstream.ts";
import type { ConfigError } from "../config/config_error.ts";
import type { DataError } from "../data/data_error.ts";
import { layerDatasetsFile } from "../data/datasets_file.ts";
import { formatChat } from "../data/jsonl.ts";
import { diverseChats } from "../delia/diverse_chats.ts";
import type { ParaphraserError } from "../delia/diversify.ts";
import { shortageNote } from "../delia/mixing.ts";
import type { SampleCacheError } from "../delia/sample_cache.ts";
import { type TaskChats, taskChats } from "../experiments/task_chats.ts";
import { mixingOf, orderOfStage } from "../experiments/stage_order.ts";
import { anchorTask } from "../experiments/task_anchor.ts";
import { writeText } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { diverse, resolveOptions, settingFlags, type SettingOptions } from "./config_options.ts";
import { phrasingsOf } from "./diversify.ts";
import { data, type Flags, json, orUndefined, out } from "./flags.ts";
import { refuseOverwrite } from "./refuse_overwrite.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `mix`. */
export interface MixOptions extends SettingOptions {
  readonly data: string | undefined;
  readonly diverse: string | undefined;
  readonly json: boolean;
  /** JSONL file to write. */
  readonly out: string;
}

const flags: Flags<MixOptions> = {
  ...settingFlags,
  data: orUndefined(data),
  diverse: diverse(""),
  json,
  out: out("FILE", "JSONL file to write"),
};

const help: VerbHelp<"mix"> = {
  name: "mix",
  description: "Write downstream and diverse data in the order that training takes them",
  examples: [{
    command: "deno task delia mix --data task.jsonl --diverse diverse.jsonl --out mixed.jsonl",
    description: "Both files, shuffled together",
  }],
};

/** The verb around the work that `run` does. */
export const mixVerb = <E, R>(run: Run<MixOptions, E, R>): Verb<"mix", MixOptions, E, R> =>
  verb(help, flags, run);

/** What `mix --json` prints. */
export interface MixDocument {
  readonly file: string;
  readonly examples: number;
  readonly downstream: number;
  readonly diverse: number;
  /** Diverse chats that the mixing wants in an epoch and does not find. */
  readonly shortage: number;
  /** What was done with self-samples of the task; absent where the data are none. */
  readonly notes?: ReadonlyArray<string>;
}

/** Writes the chats of a DELIA training, in its order. */
export const runMix = (
  { out, ...options }: MixOptions,
): Effect.Effect<
  { readonly text: string; readonly document: MixDocument },
  ConfigError | DataError | ParaphraserError | SampleCacheError | WeightsError | UsageError,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function* () {
    const config = yield* resolveOptions(options);
    const { data, mixing, training, newToken } = config;
    if (data.diverse === undefined && mixing.strategy !== "downstream_only") {
      return yield* usageError("mix", "Give --diverse FILE; the verb sample makes one");
    }
    yield* refuseOverwrite("mix", [out], {
      ...{ "--config": options.config, "--data": data.downstream, "--diverse": data.diverse },
      "data.phrasings": data.phrasings,
    });
    const { chats, notes }: TaskChats = data.downstream === undefined
      ? {
        chats: downstreamExamples(training.seed, data.downstreamItems, yield* phrasingsOf(config)),
        notes: [],
      }
      : yield* taskChats(data.downstream, newToken);
    const downstream = chats.map((chat) => anchorTask(chat, data.anchor));
    const diverse = data.diverse === undefined
      ? []
      : yield* diverseChats(data.diverse, newToken.token);
    const sizes = { downstream: downstream.length, diverse: diverse.length };
    const order = orderOfStage(
      { data: "mixed", length: "epoch" },
      config,
      { ...sizes, facts: 0 },
      training.seed,
    );
    const lines = order.map(({ source, index }) =>
      `${formatChat((source === "downstream" ? downstream : diverse)[index]!)}\n`
    );
    yield* writeText(out, lines.join(""));
    const shown = (wanted: "downstream" | "diverse"): number =>
      order.filter(({ source }) => source === wanted).length;
    const document: MixDocument = {
      file: out,
      examples: order.length,
      downstream: shown("downstream"),
      diverse: shown("diverse"),
      shortage: mixingOf(config).shortage(sizes),
      ...notes.length > 0 ? { notes } : {},
    };
    const missing = document.shortage > 0 ? `; ${shortageNote(document.shortage)}` : "";
    const text = `${document.examples} chats in ${out}: ${document.downstream} downstream, ` +
      `${document.diverse} diverse${missing}${notes.map((note) => `\n${note}`).join("")}`;
    return { text, document };
  }).pipe(Effect.provide(layerDatasetsFile));
