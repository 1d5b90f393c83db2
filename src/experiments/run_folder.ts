/** The folder of a run: its settings, what is done so far, and what it ends with. @module */
import { Effect, FileSystem, Path } from "effect";
import { appendJsonLines, keepWholeLines } from "../files/json_lines.ts";
import { writeWhole } from "../files/write_whole.ts";
import { formatJson, readIfPresent, readJsonLines, refuse } from "../weights/files.ts";
import { WeightsError } from "../weights/weights_error.ts";

/** What a run keeps and finds in its folder. */
export interface RunFolder<Line> {
  /** A path inside the folder. */
  readonly at: (...names: ReadonlyArray<string>) => string;
  /** What an interrupted run had finished. */
  readonly done: ReadonlyArray<Line>;
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
 * Makes the folder and writes `config.json`, or opens the one of an interrupted run, whose settings
 * must be the same; what is finished is kept in `lines`, a JSON object a line, of which half a last
 * one is taken out. Fails with `Unreadable` where the settings differ or a line is broken.
 */
export const openRunFolder = <Line>(
  directory: string,
  config: unknown,
  lines: string,
): Effect.Effect<RunFolder<Line>, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const path = yield* Path.Path;
    const at = (...names: ReadonlyArray<string>): string => path.join(directory, ...names);
    yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
    const settings = formatJson(config);
    const before = yield* readIfPresent(at(files.config));
    if (before !== undefined && before !== settings) {
      return yield* new WeightsError({
        reason: {
          _tag: "Unreadable",
          file: at(files.config),
          problem: "the folder holds a run with other settings; choose another --out",
        },
      });
    }
    const onFiles = Effect.provideService(FileSystem.FileSystem, fs);
    const write = (name: string, text: string) =>
      writeWhole(at(name), text).pipe(refuse(at(name)), onFiles);
    if (before === undefined) yield* write(files.config, settings);
    yield* keepWholeLines(at(lines)).pipe(refuse(at(lines)));
    return {
      at,
      done: yield* readJsonLines<Line>(at(lines)),
      add: (line) => appendJsonLines(at(lines), [line]).pipe(refuse(at(lines)), onFiles),
      // The result comes last: a run that has one counts as finished.
      finish: (result, report) =>
        Effect.andThen(
          write(files.report, report),
          write(files.result, formatJson(result)),
        ),
    };
  });
