/** The flags of verbs that make a run folder, or go on with the run in one. @module */
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import type { ConfigError } from "../config/config_error.ts";
import type { RunConfig, RunConfigInput } from "../config/run_config.ts";
import {
  type ConfigOptions,
  defaultPreset,
  preset,
  resolveOptions,
  resolveTraining,
  trainingFlags,
} from "./config_options.ts";
import { type Flags, json, orUndefined, out, resume } from "./flags.ts";
import { type UsageError, usageError } from "./usage_error.ts";

/** Values of {@linkcode runFlags}. */
export interface RunOptions extends Omit<ConfigOptions, "preset"> {
  /** Settings to start from; undefined: {@linkcode defaultPreset}. */
  readonly preset: string | undefined;
  readonly json: boolean;
  /** Run folder to make; undefined: one under `runs/`. */
  readonly out: string | undefined;
  /** Run folder to go on with. */
  readonly resume: string | undefined;
}

/** Flags that together say what to run and where; spread them into a verb's own. */
export const runFlags: Flags<RunOptions> = {
  ...trainingFlags,
  // Without a default: `--resume` has to know whether it was given.
  preset: orUndefined(preset),
  out: orUndefined(out("DIR", "Run folder to make")),
  resume,
  json,
};

type BegunOptions = Omit<RunOptions, "resume" | "out" | "json">;

const withPreset = (options: BegunOptions): ConfigOptions => ({
  ...options,
  preset: options.preset ?? defaultPreset,
});

/** The settings of a run that is begun. */
export const resolveRunOptions = (
  options: BegunOptions,
  over?: ReadonlyArray<RunConfigInput>,
): Effect.Effect<RunConfig, ConfigError, FileSystem.FileSystem> =>
  resolveOptions(withPreset(options), over);

/** The same, of a training on the miniature world or on files. */
export const resolveTrainingOptions = (
  options: BegunOptions,
): Effect.Effect<RunConfig, ConfigError, FileSystem.FileSystem> =>
  resolveTraining(withPreset(options));

/** What goes on with the run in `folder`. */
export const goingOn = (folder: string): RunOptions => ({
  ...{ preset: undefined, config: undefined, set: [], model: undefined, data: undefined },
  ...{ diverse: undefined, initAdapter: undefined, seeds: undefined, json: false },
  ...{ out: undefined, resume: folder },
});

/** What stands beside `--resume` without being a setting of the run. */
const besideResume: ReadonlyArray<string> = ["resume", "json", "experiment"];

/** Refuses `--resume` with options that the run in the folder has already chosen: they would do nothing. */
export const resumeAlone = (
  verb: string,
  options: Pick<RunOptions, "resume">,
): Effect.Effect<void, UsageError> => {
  if (options.resume === undefined) return Effect.void;
  const given = Object.entries<unknown>(options).flatMap(([name, value]) =>
    besideResume.includes(name) || value === undefined || value === false ||
      (Array.isArray(value) && value.length === 0)
      ? []
      : [`--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`]
  );
  if (given.length === 0) return Effect.void;
  return Effect.fail(usageError(
    verb,
    `--resume takes the settings of the run from its folder; leave out ${given.join(", ")}`,
  ));
};
