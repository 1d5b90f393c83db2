/** `generate`: goes on from a text or token ids, or answers a chat. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import type * as Scope from "effect/Scope";
import type * as Stdio from "effect/Stdio";
import type { ConfigError } from "../config/config_error.ts";
import type { DataError } from "../data/data_error.ts";
import { parseChat } from "../data/jsonl.ts";
import { generateBatch } from "../generation/generate.ts";
import {
  type LoadedModel,
  type LoadError,
  loadModel,
  type LoadServices,
} from "../models/load_model.ts";
import { refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { checkIds, encodeText, needTokenizer } from "./ids.ts";
import { adapter, chat, type Flags, ids, json, maxNewTokens, model, prompt } from "./flags.ts";
import { seed, setModel, temperature, topP } from "./flags.ts";
import { modelSettings } from "./model_settings.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** What generation starts from. */
export type Start =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Ids"; readonly ids: ReadonlyArray<number> }
  /** A file that holds a chat. */
  | { readonly _tag: "Chat"; readonly file: string };

/** How to generate. */
export interface GenerateSettings {
  readonly json: boolean;
  readonly model: string;
  readonly adapter: string | undefined;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  /** Settings of the model, `model.storage=q8`. */
  readonly set: ReadonlyArray<string>;
}

/** Options of `generate`, of which one of `prompt`, `chat` and `ids` is given. */
export interface GenerateOptions extends GenerateSettings {
  readonly prompt: string | undefined;
  readonly chat: string | undefined;
  readonly ids: ReadonlyArray<number> | undefined;
}

const flags: Flags<GenerateOptions> = {
  ...{ json, model, adapter, prompt, chat, ids },
  ...{ maxNewTokens: maxNewTokens(64), temperature, topP, seed, set: setModel },
};

const help: VerbHelp<"generate"> = {
  name: "generate",
  description: "Go on from a text or token ids, or answer a chat",
  examples: [{
    command: 'deno task delia generate --model fixtures/base --prompt "what is red" --json',
    description: "Print ids, text, log-probabilities and why it ended",
  }],
};

/** The verb around the work that `run` does, which learns what to start from. */
export const generateVerb = <E, R>(
  run: Run<GenerateSettings & { readonly start: Start }, E, R>,
): Verb<"generate", GenerateOptions, E | UsageError, R> =>
  verb(
    help,
    flags,
    (options) => Effect.flatMap(startOf(options), (start) => run({ ...options, start })),
  );

const startOf = (
  { prompt, chat, ids }: GenerateOptions,
): Effect.Effect<Start, UsageError> => {
  const starts: ReadonlyArray<Start> = [
    ...(prompt === undefined ? [] : [{ _tag: "Text", text: prompt } as const]),
    ...(chat === undefined ? [] : [{ _tag: "Chat", file: chat } as const]),
    ...(ids === undefined ? [] : [{ _tag: "Ids", ids } as const]),
  ];
  const [start] = starts;
  return start !== undefined && starts.length === 1
    ? Effect.succeed(start)
    : Effect.fail(usageError("generate", "Give exactly one of --prompt, --chat and --ids"));
};

/** What `generate --json` prints. */
export interface GenerateDocument {
  /** Tokens of the answer, without the one that ended it. */
  readonly ids: ReadonlyArray<number>;
  /** Their text; null where the model directory holds no tokenizer. */
  readonly text: string | null;
  /** Log-probability of each token, in nats, at temperature 1. */
  readonly logprobs: ReadonlyArray<number>;
  /** `stop`: a token that ends a turn came; `length`: `--max-new-tokens` were made. */
  readonly finish: "stop" | "length";
}

/** Loads the model and lets it go on from `start`. */
export const runGenerate = (
  { start, ...options }: GenerateSettings & { readonly start: Start },
): Effect.Effect<
  { readonly text: string; readonly document: GenerateDocument },
  LoadError | ConfigError | UsageError,
  Exclude<LoadServices, Scope.Scope> | Stdio.Stdio
> =>
  Effect.scoped(Effect.gen(function* () {
    const { maxNewTokens, temperature, topP, seed } = options;
    const settings = yield* modelSettings("generate", options.set);
    const model = yield* loadModel(options.model, options.adapter, settings);
    const { subject, tokenizer, valid, stopIds } = model;
    const ids = yield* promptIds(start, model, options.model);
    const decoding = { temperature, topP, maxNewTokens, stopIds, valid };
    const [completion] = yield* generateBatch(subject, [{ ids, seed }], decoding);
    const { ids: made, logProbabilities: logprobs, finish } = completion!;
    const text = tokenizer ? tokenizer.decode(made) : null;
    return { text: text ?? made.join(","), document: { ids: made, text, logprobs, finish } };
  }));

const promptIds = (
  start: Start,
  { subject, tokenizer }: LoadedModel,
  directory: string,
): Effect.Effect<
  ReadonlyArray<number>,
  DataError | UsageError | WeightsError,
  FileSystem.FileSystem
> =>
  Effect.gen(function* () {
    switch (start._tag) {
      case "Ids":
        return yield* checkIds("generate", start.ids, subject.decoder.rows);
      case "Text": {
        const ids = yield* encodeText(yield* needTokenizer(tokenizer, directory), start.text);
        return ids.length > 0 ? ids : yield* usageError("generate", "--prompt should not be empty");
      }
      case "Chat": {
        const { file } = start;
        const fs = yield* FileSystem.FileSystem;
        const text = yield* fs.readFileString(file).pipe(refuse(file));
        const { messages } = yield* Effect.fromResult(parseChat(text, { file, line: 1 }));
        const rendering = { addGenerationPrompt: true };
        return (yield* (yield* needTokenizer(tokenizer, directory)).render(messages, rendering))
          .ids;
      }
    }
  });
