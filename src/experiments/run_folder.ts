/** The folder of a run: its settings, what is done so far, and what it ends with. @module */
import { Effect, FileSystem, Path, type Scope } from "effect";
import { appendJsonLines, keepWholeLines } from "../files/json_lines.ts";
import { jsonObject } from "../files/json_object.ts";
import { writeWhole } from "../files/write_whole.ts";
import { formatJson, parseObject, readIfPresent, readJsonLines, refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { firstOfEach, type TrainingRecord } from "./first_of_each.ts";
import { kindOfSettings } from "./folder_kind.ts";
import { holdFolder, notEmpty } from "./hold_folder.ts";
import { legsFile } from "./legs.ts";
import { RunFolderError } from "./run_folder_error.ts";

/** What a run keeps and finds in its folder. */
export interface RunFolder<Line, Result = unknown> {
  /** A path inside the folder. */
  readonly at: (...names: ReadonlyArray<string>) => string;
  /** What an interrupted run had finished, each training once. */
  readonly done: ReadonlyArray<Line>;
  /** What `result.json` of a finished run holds. */
  readonly result: Result | undefined;
  /**
   * Writes `config.json`: from now on the folder is this run's. To be called when all is checked that
   * can be, so that a start that fails leaves no settings behind for the next one to differ from.
   */
  readonly begin: Effect.Effect<void, WeightsError>;
  /** Adds what is finished, so that a resumed run skips it. */
  readonly add: (line: Line) => Effect.Effect<void, WeightsError>;
  /** Writes `report.html` and `result.json`. */
  readonly finish: (result: unknown, report: string) => Effect.Effect<void, WeightsError>;
}

const files = {
  config: "config.json",
  result: "result.json",
  report: "report.html",
} as const;

/**
 * Makes the folder, or opens the one of an interrupted run, whose settings must be the same unless it
 * holds nothing but these; what is finished is kept in `lines`, a JSON object a line, of which half a
 * last one is taken out. No other run gets into the folder until the scope closes. Fails where the
 * settings differ, where the folder is somebody else's, or where a line is broken.
 */
export const openRunFolder = <Line extends TrainingRecord, Result = unknown>(
  directory: string,
  config: unknown,
  lines: string,
): Effect.Effect<
  RunFolder<Line, Result>,
  RunFolderError | WeightsError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const path = yield* Path.Path;
    const at = (...names: ReadonlyArray<string>): string => path.join(directory, ...names);
    const names = yield* holdFolder(directory, files.config);
    const settings = formatJson(config);
    const before = yield* readIfPresent(at(files.config));
    if (before !== undefined && before !== settings) {
      const [wanted, found] = [settings, before].map((text) =>
        kindOfSettings(jsonObject(text) ?? {})
      );
      if (wanted !== found) return yield* notEmpty(directory, found ?? `another ${files.config}`);
      if (names.some((name) => name !== files.config && name !== legsFile)) {
        return yield* new RunFolderError({ reason: { _tag: "OtherSettings", folder: directory } });
      }
    }
    const onFiles = Effect.provideService(FileSystem.FileSystem, fs);
    const write = (name: string, text: string) =>
      writeWhole(at(name), text).pipe(refuse(at(name)), onFiles);
    const result = yield* readIfPresent(at(files.result));
    yield* keepWholeLines(at(lines)).pipe(refuse(at(lines)));
    return {
      at,
      done: firstOfEach(yield* readJsonLines<Line>(at(lines))),
      result: result === undefined
        ? undefined
        : (yield* parseObject(at(files.result), result)) as Result,
      // Legs of other settings are those of starts that failed; they are no part of this run.
      begin: before === settings ? Effect.void : fs.remove(at(legsFile), { force: true }).pipe(
        refuse(at(legsFile)),
        Effect.andThen(write(files.config, settings)),
      ),
      add: (line) => appendJsonLines(at(lines), [line]).pipe(refuse(at(lines)), onFiles),
      // The result comes last: a run that has one counts as finished.
      finish: (result, report) =>
        Effect.andThen(
          write(files.report, report),
          write(files.result, formatJson(result)),
        ),
    };
  });
