/** The options from which a run's settings are made, shared by the verbs that need a whole config. @module */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Flag from "effect/cli/Flag";
import { ConfigError } from "../config/config_error.ts";
import { presets } from "../config/presets.ts";
import { resolveRunConfig } from "../config/resolve.ts";
import type { RunConfig, RunConfigInput } from "../config/run_config.ts";
import { fileProblem } from "../weights/file_problem.ts";
import { readJson } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { data, type Flags, model, orUndefined, path, seeds, set } from "./flags.ts";

/** Values of {@linkcode configFlags}. */
export interface ConfigOptions {
  readonly preset: string;
  readonly config: string | undefined;
  readonly set: ReadonlyArray<string>;
  readonly model: string | undefined;
  readonly data: string | undefined;
  readonly diverse: string | undefined;
  readonly initAdapter: string | undefined;
  readonly seeds: number | undefined;
}

/** Flags that together say what to run; spread them into a verb's own. */
export const configFlags: Flags<ConfigOptions> = {
  preset: Flag.String("preset").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription(`Settings to start from: ${Object.keys(presets).join(", ")} (fixture)`),
    Flag.withDefault("fixture"),
  ),
  config: orUndefined(
    path("config", "FILE", "JSON file of settings, laid over the preset"),
  ),
  set,
  model: orUndefined(model),
  data: orUndefined(data),
  diverse: orUndefined(
    path("diverse", "FILE", "Diverse chats, JSONL, such as `sample` writes; goes with --data"),
  ),
  initAdapter: orUndefined(
    path("init-adapter", "DIR", "Trained adapter to start from"),
  ),
  seeds,
};

/**
 * The run's settings: preset, then `over`, then file, then `--set`, then the options with names of their
 * own.
 */
export const resolveOptions: (
  options: ConfigOptions,
  over?: ReadonlyArray<RunConfigInput>,
) => Effect.Effect<RunConfig, ConfigError, FileSystem.FileSystem> = Effect.fnUntraced(
  function* ({ preset, config, set, model, data, diverse, initAdapter, seeds }, over = []) {
    const file = config === undefined ? undefined : yield* readConfig(config);
    const ofData = { ...given("downstream", data), ...given("diverse", diverse) };
    return yield* resolveRunConfig({
      preset,
      over,
      set,
      ...given("file", file),
      options: {
        ...given("model", model),
        ...given("initAdapter", initAdapter),
        ...given("seeds", seeds),
        ...(Object.keys(ofData).length > 0 ? { data: ofData } : {}),
      },
    });
  },
);

/** The settings of the run in `directory`: a resumed run has no others. `foreign` keys are no settings. */
export const resumedConfig: (
  directory: string,
  foreign?: ReadonlyArray<string>,
) => Effect.Effect<RunConfig, ConfigError | WeightsError, FileSystem.FileSystem> = Effect
  .fnUntraced(
    function* (directory, foreign = []) {
      const entries = Object.entries(yield* readJson(`${directory}/config.json`));
      const options = Object.fromEntries(entries.filter(([key]) => !foreign.includes(key)));
      return yield* resolveRunConfig({ options });
    },
  );

const given = <K extends string, A>(key: K, value: A | undefined): { readonly [P in K]?: A } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: A };

const readConfig = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem;
  const text = yield* fs.readFileString(name).pipe(Effect.mapError((error) => {
    const problem = fileProblem(error);
    return new ConfigError({ reason: { _tag: "Unreadable", file: name, problem } });
  }));
  return { name, text };
});
