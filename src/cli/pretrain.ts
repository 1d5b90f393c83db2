/** `pretrain`: trains the base model of the miniature world from nothing. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Layer from "effect/Layer";
import * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import type { ConfigError } from "../config/config_error.ts";
import { PretrainConfig } from "../config/pretrain_config.ts";
import { resolveSettings } from "../config/resolve.ts";
import type { DataError } from "../data/data_error.ts";
import { kindOfSettings } from "../experiments/folder_kind.ts";
import { holdFolder, notEmpty } from "../experiments/hold_folder.ts";
import { pretrainWorld } from "../experiments/pretrain_world.ts";
import type { RunFolderError } from "../experiments/run_folder_error.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { ModelError } from "../models/model_error.ts";
import { Checkpoints, layerDirectory } from "../training/checkpoints.ts";
import { keepRecords, layerFile } from "../training/metric_log.ts";
import type { TrainingError } from "../training/training_error.ts";
import { formatJson, readJson, writeFiles } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { readResumed } from "./config_options.ts";
import { type Flags, json, orUndefined, out, resume, set } from "./flags.ts";
import { progressOnStderr } from "./progress_bar.ts";
import { sayIfStopped } from "./stopped.ts";
import { type UsageError, usageError } from "./usage_error.ts";
import { type Run, type Verb, verb, type VerbHelp } from "./verb.ts";

/** Options of `pretrain`. */
export interface PretrainOptions {
  readonly json: boolean;
  /** Settings of a `PretrainConfig`, `path=value`. */
  readonly set: ReadonlyArray<string>;
  /** Run folder to make; undefined: `runs/base`. The model is `model/` in it. */
  readonly out: string | undefined;
  /** Run folder to go on with. */
  readonly resume: string | undefined;
}

const flags: Flags<PretrainOptions> = {
  json,
  set,
  out: orUndefined(out("DIR", "Run folder to make (runs/base); the model is model/ in it")),
  resume,
};

const help: VerbHelp<"pretrain"> = {
  name: "pretrain",
  description: "Train the base model of the miniature world from nothing",
  examples: [
    { command: "deno task pretrain", description: "The model that is shipped, again" },
    { command: "deno task pretrain --out runs/small --set layers=2", description: "A smaller one" },
    {
      command: "deno task pretrain --resume runs/base",
      description: "Go on after an interruption",
    },
  ],
};

/** The verb around the work that `run` does. */
export const pretrainVerb = <E, R>(
  run: Run<PretrainOptions, E, R>,
): Verb<"pretrain", PretrainOptions, E, R> => verb(help, flags, run);

/** What `pretrain --json` prints. */
export interface PretrainDocument {
  /** Run folder: `config.json`, `metrics.jsonl`, `checkpoints/`, `model/`. */
  readonly run: string;
  /** Model directory. */
  readonly model: string;
  readonly parameters: number;
  /** Mean loss of the last optimizer step, in nats a supervised token; null where none was left to do. */
  readonly loss: number | null;
}

/** Trains in a fresh run folder, or goes on in one from its newest checkpoint. */
export const runPretrain = (
  options: PretrainOptions,
): Effect.Effect<
  { readonly text: string; readonly document: PretrainDocument },
  | GpuError
  | WeightsError
  | ModelError
  | DataError
  | TrainingError
  | ConfigError
  | RunFolderError
  | UsageError,
  Gpu | FileSystem.FileSystem | Path.Path | Stdio.Stdio
> =>
  Effect.scoped(Effect.gen(function* () {
    const path = yield* Path.Path;
    const { run, config } = yield* openRun(options);
    const metrics = path.join(run, "metrics.jsonl");
    yield* sayIfStopped("pretrain", run);
    const progress = yield* progressOnStderr;
    const model = path.join(run, "model");
    const services = Layer.mergeAll(
      layerDirectory(path.join(run, "checkpoints")),
      layerFile(metrics),
    );
    const { parameters, loss } = yield* Effect.gen(function* () {
      const done = (yield* (yield* Checkpoints).latest)?.step ?? 0;
      if (options.resume !== undefined) {
        progress.say(`going on in ${run} after step ${done}`);
        yield* keepRecords(metrics, ({ step }) => step < done); // later ones are done again
      }
      return yield* pretrainWorld(config, model, progress);
    }).pipe(
      Effect.provide(services),
    );
    return {
      text: `${parameters} parameters in ${model}`,
      document: { run, model, parameters, loss: Number.isFinite(loss) ? loss : null },
    };
  }));

const configFile = "config.json";

/** The run folder and its settings: those that are stored in it, or fresh ones, which are stored. */
const openRun = Effect.fnUntraced(function* ({ out, resume, set }: PretrainOptions) {
  const path = yield* Path.Path;
  if (resume !== undefined) {
    if (out !== undefined || set.length > 0) {
      return yield* usageError("pretrain", "--resume takes --out and --set from the run folder");
    }
    const options = yield* readResumed(resume, "a run of pretrain");
    yield* holdFolder(resume, configFile);
    return { run: resume, config: yield* resolveSettings(PretrainConfig, { options }) };
  }
  const run = out ?? "runs/base";
  const config = yield* resolveSettings(PretrainConfig, { set });
  const found = yield* holdFolder(run, configFile);
  if (found.length > 0) {
    const kind = kindOfSettings(yield* readJson(path.join(run, configFile)));
    if (kind !== "a run of pretrain") return yield* notEmpty(run, kind ?? `another ${configFile}`);
    // Settings alone are what a start leaves that failed before its first step: new ones may follow.
    if (found.some((name) => name !== configFile)) {
      const message = `${run} holds a run: go on with --resume ${run}, or choose another --out`;
      return yield* usageError("pretrain", message);
    }
  }
  yield* writeFiles(run, { [configFile]: formatJson(config) });
  return { run, config };
});
