/** `inspect`: shows what a model computes on token ids, or which tokens of chats are supervised. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Scope from "effect/Scope";
import type * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import type { ConfigError } from "../config/config_error.ts";
import type { DataError } from "../data/data_error.ts";
import { Datasets } from "../data/datasets.ts";
import { layerDatasetsFile } from "../data/datasets_file.ts";
import { encodeChat } from "../data/example.ts";
import { inspectExample } from "../data/inspect.ts";
import { readTokenizer } from "../data/tokenizer_files.ts";
import { readSequence } from "../evaluation/read_sequence.ts";
import type { HubError } from "../hub/hub_error.ts";
import { type LoadError, loadModel, type LoadServices } from "../models/load_model.ts";
import { adapter, data, type Flags, hidden, ids, json, logits, maxTokens } from "./flags.ts";
import { model, orUndefined, setModel } from "./flags.ts";
import { checkIds } from "./ids.ts";
import { modelSettings } from "./model_settings.ts";
import { onModel, type SourceServices } from "./model_source.ts";
import { onGpu } from "./on_gpu.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Outcome, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `inspect`, of which one of `data` and `ids` is given. */
export interface InspectOptions {
  readonly json: boolean;
  readonly model: string;
  /** Chats whose tokens are shown. */
  readonly data: string | undefined;
  /** Longest example; a longer one is an error. */
  readonly maxTokens: number;
  /** Tokens on which the model is run. */
  readonly ids: ReadonlyArray<number> | undefined;
  readonly adapter: string | undefined;
  /** Put the logits of every position into the document. */
  readonly logits: boolean;
  /** Put the residual stream after every block into the document. */
  readonly hidden: boolean;
  /** Settings of the model, `model.storage=q8`; they count with `ids`. */
  readonly set: ReadonlyArray<string>;
}

const flags: Flags<InspectOptions> = {
  ...{ json, model, data: orUndefined(data), maxTokens },
  ...{ ids, adapter, logits, hidden, set: setModel },
};

const help: VerbHelp<"inspect"> = {
  name: "inspect",
  description:
    "Print the tokens of chats, the supervised ones marked, or a model's logits on token ids",
  examples: [
    {
      command: "deno task delia inspect --model fixtures/base --data chats.jsonl",
      description: "One line an example; [token] is supervised",
    },
    {
      command: "deno task delia inspect --model fixtures/base --ids 2,4,7 --logits --hidden --json",
      description: "What the model computes on three tokens",
    },
  ],
};

/** What one `inspect` of chats needs. */
export interface InspectDataOptions {
  readonly model: string;
  readonly data: string;
  readonly maxTokens: number;
}

/** Shows the tokens of chats; needs no GPU and no weights. */
export const inspectData = (
  { model, data, maxTokens }: InspectDataOptions,
): Effect.Effect<Outcome, DataError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const tokenizer = yield* readTokenizer(model);
    const datasets = yield* Datasets;
    const examples = yield* datasets.open(data).pipe(
      Stream.mapEffect((chat) => encodeChat(tokenizer, chat, { maxTokens })),
      Stream.runCollect,
    );
    return {
      text: examples.map((example) => inspectExample(tokenizer, example)).join("\n"),
      document: examples.map(({ ids, supervised }) => ({
        ids,
        tokens: ids.map((id) => tokenizer.tokenOf(id)),
        supervised,
      })),
    };
  }).pipe(Effect.provide(layerDatasetsFile));

/** What one `inspect` of token ids needs. */
export interface InspectIdsOptions
  extends Pick<InspectOptions, "model" | "adapter" | "logits" | "hidden" | "set"> {
  readonly ids: ReadonlyArray<number>;
}

/** What `inspect --ids --json` prints. */
export interface InspectIdsDocument {
  readonly ids: ReadonlyArray<number>;
  /** Of each position the likeliest next token, and its log-probability in nats. */
  readonly next: ReadonlyArray<{ readonly id: number; readonly logprob: number }>;
  /** `[tokens][vocab]`, unused rows of the head included. */
  readonly logits?: ReadonlyArray<ReadonlyArray<number>>;
  /** Residual stream after each block, `[layers][tokens][hidden]`. */
  readonly hidden?: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>;
}

/** Runs the model on token ids and shows what it computes. */
export const inspectIds = (
  options: InspectIdsOptions,
): Effect.Effect<
  { readonly text: string; readonly document: InspectIdsDocument },
  LoadError | ConfigError | UsageError,
  Exclude<LoadServices, Scope.Scope> | Stdio.Stdio
> =>
  Effect.scoped(Effect.gen(function* () {
    const settings = yield* modelSettings("inspect", options.set);
    const model = yield* loadModel(options.model, options.adapter, settings);
    const { subject, tokenizer, valid } = model;
    const ids = yield* checkIds("inspect", options.ids, subject.decoder.rows);
    const { logits, hidden } = yield* readSequence(subject, ids);
    const rows = rowsOf(logits, ids.length);
    const next = rows.map((row) => likeliest(row.slice(0, valid)));
    const show = (id: number): string => tokenizer?.tokenOf(id) ?? `#${id}`;
    const lines = next.map(({ id, logprob }, at) =>
      `${show(ids[at]!)} → ${show(id)} (${Math.exp(logprob).toFixed(3)})`
    );
    return {
      text: lines.join("\n"),
      document: {
        ids,
        next,
        ...options.logits ? { logits: rows } : {},
        ...options.hidden ? { hidden: hidden.map((stream) => rowsOf(stream, ids.length)) } : {},
      },
    };
  }));

const rowsOf = (data: Float32Array, rows: number): ReadonlyArray<ReadonlyArray<number>> => {
  const cols = data.length / rows;
  return Array.from(
    { length: rows },
    (_, row) => Array.from(data.subarray(row * cols, (row + 1) * cols)),
  );
};

const likeliest = (
  logits: ReadonlyArray<number>,
): { readonly id: number; readonly logprob: number } => {
  const id = logits.reduce((best, logit, at) => logit > logits[best]! ? at : best, 0);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - logits[id]!), 0);
  return { id, logprob: -Math.log(sum) };
};

const onData = onModel(inspectData);
const onIds = onModel(onGpu(inspectIds));

/** The verb; it opens the GPU only for `--ids`. */
export const inspectVerb: Verb<
  "inspect",
  InspectOptions,
  LoadError | ConfigError | HubError | UsageError,
  SourceServices
> = verb(help, flags, ({ data, ids, ...options }) => {
  if ((data === undefined) === (ids === undefined)) {
    return usageError("inspect", "Give exactly one of --data and --ids");
  }
  const unread = unreadOption({ ...options, data, ids });
  if (unread !== undefined) return usageError("inspect", unread);
  return ids === undefined ? onData({ ...options, data: data! }) : onIds({ ...options, ids });
});

// An option that would change nothing, and what it goes with.
const unreadOption = (
  { ids, json, adapter, logits, hidden, set }: InspectOptions,
): string | undefined => {
  const whole = [...logits ? ["--logits"] : [], ...hidden ? ["--hidden"] : []];
  const ofModel = [
    ...adapter === undefined ? [] : ["--adapter"],
    ...set.length > 0 ? ["--set"] : [],
  ];
  const [first] = ids === undefined ? [...whole, ...ofModel] : json ? [] : whole;
  if (first === undefined) return undefined;
  return `${first} goes with ${whole.includes(first) ? "--ids and --json" : "--ids"}`;
};
