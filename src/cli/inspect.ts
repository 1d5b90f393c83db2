/** `inspect`: prints each example's tokens, the supervised ones marked. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import * as Stream from "effect/Stream";
import type { DataError } from "../data/data_error.ts";
import { Datasets } from "../data/datasets.ts";
import { layerDatasetsFile } from "../data/datasets_file.ts";
import { encodeChat } from "../data/example.ts";
import { inspectExample } from "../data/inspect.ts";
import { readTokenizer } from "../data/tokenizer_files.ts";
import { data, type Flags, json, maxTokens, model } from "./flags.ts";
import { type Outcome, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `inspect`. */
export interface InspectOptions {
  readonly json: boolean;
  readonly model: string;
  readonly data: string;
  /** Longest example; a longer one is an error. */
  readonly maxTokens: number;
}

const flags: Flags<InspectOptions> = { json, model, data, maxTokens };

const help: VerbHelp<"inspect"> = {
  name: "inspect",
  description: "Print each example's tokens, the supervised ones marked",
  examples: [{
    command: "deno task delia inspect --model fixtures/base --data chats.jsonl",
    description: "One line an example; [token] is supervised",
  }],
};

const inspectData = ({ model, data, maxTokens }: InspectOptions) =>
  Effect.gen(function* () {
    const tokenizer = yield* readTokenizer(model);
    const datasets = yield* Datasets;
    const examples = yield* datasets.open(data).pipe(
      Stream.mapEffect((chat) => encodeChat(tokenizer, chat, { maxTokens })),
      Stream.runCollect,
    );
    const outcome: Outcome = {
      text: examples.map((example) => inspectExample(tokenizer, example)).join("\n"),
      document: examples.map(({ ids, supervised }) => ({
        ids,
        tokens: ids.map((id) => tokenizer.tokenOf(id)),
        supervised,
      })),
    };
    return outcome;
  }).pipe(Effect.provide(layerDatasetsFile));

/** The verb; it needs no GPU. */
export const inspectVerb: Verb<
  "inspect",
  InspectOptions,
  DataError,
  FileSystem.FileSystem | Path.Path
> = verb(help, flags, inspectData);
