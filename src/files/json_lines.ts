/** JSON objects, one a line, in a file that a run appends to and later goes on with. @module */
import { Effect, FileSystem, type PlatformError, Result } from "effect";
import { jsonObject } from "./json_object.ts";
import { writeWhole } from "./write_whole.ts";

/** An object and where it stands. */
export interface JsonLine {
  /** From 1. */
  readonly line: number;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A whole line that is no JSON object. No interruption leaves one, so that it is not passed over. */
export interface BrokenLine {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/**
 * The objects of the whole lines of `text`; blank lines are passed over. Half a last line does not
 * count: a run died while it wrote it, or is writing it now.
 */
export const parseJsonLines = (
  text: string,
): Result.Result<ReadonlyArray<JsonLine>, BrokenLine> => {
  const parsed: Array<JsonLine> = [];
  for (const [at, line] of wholeLines(text).split("\n").entries()) {
    if (line.trim() === "") continue;
    const json = jsonObject(line);
    if (json === undefined) return Result.fail({ line: at + 1, text: line });
    parsed.push({ line: at + 1, json });
  }
  return Result.succeed(parsed);
};

// A last line without a line break is whole where it is an object: the beginning of one never is.
const wholeLines = (text: string): string => {
  const last = text.lastIndexOf("\n") + 1;
  return jsonObject(text.slice(last)) === undefined ? text.slice(0, last) : `${text}\n`;
};

/** `values` as lines of such a file. */
export const formatJsonLines = (values: ReadonlyArray<unknown>): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");

/**
 * Takes half a last line out of `file`, or ends it where its line break alone is missing, so that what
 * is appended next has a line of its own. Without a file there is nothing to do.
 */
export const keepWholeLines: (
  file: string,
) => Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem> = Effect.fnUntraced(
  function* (file) {
    const fs = yield* FileSystem.FileSystem;
    const text = yield* fs.readFileString(file).pipe(
      Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.succeed("")),
    );
    const whole = wholeLines(text);
    if (whole !== text) yield* writeWhole(file, whole);
  },
);

/** Appends `values` to `file`, whose lines are whole, and makes it where there is none. */
export const appendJsonLines = (
  file: string,
  values: ReadonlyArray<unknown>,
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.flatMap(
    FileSystem.FileSystem,
    (fs) => fs.writeFileString(file, formatJsonLines(values), { flag: "a" }),
  );
