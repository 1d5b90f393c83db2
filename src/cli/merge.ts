/** `merge`: writes a model with its adapter merged in. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import * as Flag from "effect/cli/Flag";
import type { Gpu } from "../gpu/gpu.ts";
import type { LoadError } from "../models/load_model.ts";
import { mergeModel } from "../models/merge_model.ts";
import { adapterToMerge, type Flags, json, model, orUndefined, out } from "./flags.ts";
import type { FloatDtype } from "../weights/safetensors.ts";
import type { ProgressPart } from "../report/progress.ts";
import { progressOnStderr } from "./progress_bar.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `merge`. */
export interface MergeVerbOptions {
  readonly json: boolean;
  readonly model: string;
  readonly adapter: string;
  readonly out: string;
  /** Undefined: as the base has it. */
  readonly dtype: FloatDtype | undefined;
}

const flags: Flags<MergeVerbOptions> = {
  json,
  model,
  adapter: adapterToMerge,
  out: out("DIR", "Directory for the merged model: new, or empty"),
  dtype: orUndefined(
    Flag.ChoiceWithValue("dtype", [["float32", "F32"], ["float16", "F16"], ["bfloat16", "BF16"]])
      .pipe(Flag.withDescription("Type to store the weights in; that of the base unless given")),
  ),
};

const help: VerbHelp<"merge"> = {
  name: "merge",
  description: "Write a model with its adapter merged in, as Hugging Face's loaders read it",
  examples: [{
    command: "deno task delia merge --model fixtures/base --adapter runs/x/adapter --out merged",
    description: "Weights, config and the tokenizer with the new tokens",
  }],
};

/** The verb around the work that `run` does. */
export const mergeVerb = <E, R>(
  run: Run<MergeVerbOptions, E, R>,
): Verb<"merge", MergeVerbOptions, E, R> => verb(help, flags, run);

/** What `merge --json` prints. */
export interface MergeDocument {
  readonly directory: string;
  /** Files of weights. */
  readonly files: ReadonlyArray<string>;
  readonly tensors: number;
}

/** Merges and writes. */
export const runMerge = (
  { model, adapter, out, dtype }: MergeVerbOptions,
): Effect.Effect<
  { readonly text: string; readonly document: MergeDocument },
  LoadError,
  Gpu | FileSystem.FileSystem | Path.Path | Stdio.Stdio
> =>
  Effect.gen(function* () {
    const progress = yield* progressOnStderr;
    const parts: ProgressPart[] = [];
    const onProgress = (done: number, all: number) =>
      Effect.sync(() => {
        if (done === 0) parts.push(progress.begin("merge", all, "tensors"));
        parts[0]?.advance(done);
      });
    const shards = yield* mergeModel({
      ...{ model, adapter, out, onProgress },
      ...dtype === undefined ? {} : { dtype },
    });
    parts[0]?.end();
    const files = shards.map(({ file }) => file);
    const tensors = shards.reduce((sum, { tensors }) => sum + tensors.length, 0);
    return {
      text: `${tensors} tensors in ${files.length} file${files.length === 1 ? "" : "s"} in ${out}`,
      document: { directory: out, files, tensors },
    };
  });
