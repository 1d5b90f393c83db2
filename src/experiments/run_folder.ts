/** The folder of a run: its settings, what is done so far, and what it ends with. @module */
import { Effect, FileSystem, Path } from "effect";
import type { RunConfig } from "../config/run_config.ts";
import { formatJson, readIfPresent, refuse } from "../weights/files.ts";
import { WeightsError } from "../weights/weights_error.ts";
import type { ArmResult, RunResult } from "./result.ts";

/** What a run keeps and finds in its folder. */
export interface RunFolder {
  /** A path inside the folder. */
  readonly at: (...names: ReadonlyArray<string>) => string;
  /** Arms that an interrupted run had finished. */
  readonly done: ReadonlyArray<ArmResult>;
  /** Adds a finished arm, so that a resumed run skips it. */
  readonly add: (arm: ArmResult) => Effect.Effect<void, WeightsError>;
  /** Writes `result.json` and `report.html`. */
  readonly finish: (result: RunResult, report: string) => Effect.Effect<void, WeightsError>;
}

const files = {
  config: "config.json",
  arms: "arms.jsonl",
  result: "result.json",
  report: "report.html",
} as const;

/**
 * Makes the folder and writes `config.json`, or opens the one of an interrupted run, whose settings
 * must be the same. Fails with `Unreadable` where they are not.
 */
export const openRunFolder = (
  directory: string,
  config: RunConfig,
): Effect.Effect<RunFolder, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const path = yield* Path.Path;
    const at = (...names: ReadonlyArray<string>): string => path.join(directory, ...names);
    yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
    const settings = formatJson(config);
    const before = yield* readIfPresent(at(files.config)).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
    );
    if (before !== undefined && before !== settings) {
      return yield* new WeightsError({
        reason: {
          _tag: "Unreadable",
          file: at(files.config),
          problem: "the folder holds a run with other settings; choose another --out",
        },
      });
    }
    const write = (name: string, text: string, flag: "w" | "a" = "w") =>
      fs.writeFileString(at(name), text, { flag }).pipe(refuse(at(name)));
    yield* write(files.config, settings);
    const lines = yield* readIfPresent(at(files.arms)).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
    );
    return {
      at,
      done: (lines ?? "").split("\n").flatMap(parseLine),
      add: (arm) => write(files.arms, `${JSON.stringify(arm)}\n`, "a"),
      finish: (result, report) =>
        Effect.andThen(
          write(files.result, formatJson(result)),
          write(files.report, report),
        ),
    };
  });

// A run that died while it wrote a line leaves half of one: that arm is trained again.
const parseLine = (line: string): ReadonlyArray<ArmResult> => {
  if (!line.endsWith("}")) return [];
  try {
    return [JSON.parse(line) as ArmResult];
  } catch {
    return [];
  }
};
