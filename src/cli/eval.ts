/** `eval`: the loss of a model, with or without an adapter, on chats. @module */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import type { ConfigError } from "../config/config_error.ts";
import { Datasets } from "../data/datasets.ts";
import { layerDatasetsFile } from "../data/datasets_file.ts";
import { encodeChat } from "../data/example.ts";
import { exampleLosses } from "../evaluation/example_losses.ts";
import { type LoadError, loadModel, type LoadServices } from "../models/load_model.ts";
import { counted } from "../report/columns.ts";
import { adapter, data, type Flags, json, metrics, model, setModel } from "./flags.ts";
import { needTokenizer } from "./ids.ts";
import { modelSettings } from "./model_settings.ts";
import { progressOnStderr } from "./progress_bar.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `eval`. */
export interface EvalOptions {
  readonly json: boolean;
  readonly model: string;
  readonly adapter: string | undefined;
  readonly data: string;
  /** Metrics asked for besides the loss. */
  readonly metrics: ReadonlyArray<string>;
  /** Settings of the model, `model.storage=q8`. */
  readonly set: ReadonlyArray<string>;
}

const flags: Flags<EvalOptions> = {
  ...{ json, model, adapter, data, metrics },
  set: setModel,
};

const help: VerbHelp<"eval"> = {
  name: "eval",
  description: "Measure the loss of a model on chats",
  examples: [{
    command: "deno task delia eval --model fixtures/base --adapter runs/x/adapter --data t.jsonl",
    description: "With an adapter",
  }],
};

/** The verb around the work that `run` does. */
export const evalVerb = <E, R>(run: Run<EvalOptions, E, R>): Verb<"eval", EvalOptions, E, R> =>
  verb(help, flags, run);

/** What `eval --json` prints; losses are means over supervised tokens, in nats. */
export interface EvalDocument {
  readonly loss: number;
  readonly supervised_tokens: number;
  /** In the order of the file. */
  readonly items: ReadonlyArray<{ readonly loss: number; readonly supervised_tokens: number }>;
  /** A metric that was asked for by name. */
  readonly [metric: string]: unknown;
}

/** What `--metrics` may name, from the mean loss. */
const knownMetrics: Readonly<Record<string, (loss: number) => number>> = {
  perplexity: Math.exp,
};

/** Loads the model and measures its loss on every chat of the file. */
export const runEval = (
  { model, adapter, data, metrics, set }: EvalOptions,
): Effect.Effect<
  { readonly text: string; readonly document: EvalDocument },
  LoadError | ConfigError | UsageError,
  Exclude<LoadServices, Scope.Scope> | Stdio.Stdio
> =>
  Effect.scoped(Effect.gen(function* () {
    const unknown = metrics.find((name) => !Object.hasOwn(knownMetrics, name));
    if (unknown !== undefined) {
      const known = Object.keys(knownMetrics).join(", ");
      return yield* usageError(
        "eval",
        `--metrics: there is no metric "${unknown}"; there is ${known}`,
      );
    }
    const { subject, tokenizer: found } = yield* loadModel(
      model,
      adapter,
      yield* modelSettings("eval", set),
    );
    const tokenizer = yield* needTokenizer(found, model);
    const maxTokens = subject.decoder.positions;
    const datasets = yield* Datasets;
    const examples = yield* datasets.open(data).pipe(
      Stream.mapEffect((chat) => encodeChat(tokenizer, chat, { maxTokens })),
      Stream.runCollect,
    );
    const part = (yield* progressOnStderr).begin("eval", examples.length, "examples");
    const losses = yield* exampleLosses(subject, examples, part.advance);
    part.end();
    const sum = losses.reduce((total, loss) => total + loss.sum, 0);
    const tokens = losses.reduce((total, loss) => total + loss.supervisedTokens, 0);
    const loss = sum / tokens;
    const asked = metrics.map((name): [string, number] => [name, knownMetrics[name]!(loss)]);
    const lines = [["loss", loss] as const, ...asked].map(([name, value]) =>
      `${name} ${value.toFixed(6)}`
    );
    return {
      text: [
        ...lines,
        `${counted(tokens, "supervised token")} in ${counted(losses.length, "chat")}`,
      ].join("\n"),
      document: {
        loss,
        supervised_tokens: tokens,
        items: losses.map(({ sum, supervisedTokens }) => ({
          loss: sum / supervisedTokens,
          supervised_tokens: supervisedTokens,
        })),
        ...Object.fromEntries(asked),
      },
    };
  })).pipe(Effect.provide(layerDatasetsFile));
