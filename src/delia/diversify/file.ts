/** Phrasings from a file: written by people, or by a model some other day. @module */
import { Effect, FileSystem, Layer, Stream } from "effect";
import { fileProblem } from "../../weights/file_problem.ts";
import {
  defaultRules,
  Paraphraser,
  ParaphraserError,
  type Phrasing,
  type PhrasingRejection,
  type PhrasingRules,
  rejectionOfPhrasing,
} from "../diversify.ts";

/**
 * A paraphraser that gives the phrasings of a file in their order, whatever the instruction. A file
 * named `*.jsonl` holds JSON texts or `{"text": …}`, any other file one phrasing a line. A phrasing
 * that breaks a rule fails the layer with its line; one like an earlier one is left out.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect, FileSystem, Stream } from "effect";
 * import { layerPhrasingFile, Paraphraser } from "@delia/delia/delia";
 *
 * const program = Effect.gen(function* () {
 *   const { paraphrase } = yield* Paraphraser;
 *   return yield* Stream.runCollect(paraphrase("", 2));
 * }).pipe(Effect.provide(layerPhrasingFile("phrasings.txt")));
 * const files = FileSystem.layerNoop({
 *   readFileString: () => Effect.succeed("Use <sep>.\nFollow <sep>.\n"),
 * });
 * const phrasings = await Effect.runPromise(Effect.provide(program, files));
 * assert(phrasings[1]?.text === "Follow <sep>.");
 * ```
 */
export const layerPhrasingFile = (
  file: string,
  rules: PhrasingRules = defaultRules,
): Layer.Layer<Paraphraser, ParaphraserError, FileSystem.FileSystem> =>
  Layer.effect(
    Paraphraser,
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem;
      const content = yield* Effect.mapError(
        files.readFileString(file),
        (error) =>
          new ParaphraserError({
            reason: { _tag: "CannotRead", file, report: fileProblem(error) },
          }),
      );
      const { taken, rejected } = yield* readPhrasings(file, content, rules);
      if (taken.length === 0) {
        return yield* new ParaphraserError({ reason: { _tag: "NoPhrasing", file } });
      }
      return {
        paraphrase: (_instruction, count) => {
          const phrasings = Stream.fromIterable(taken.slice(0, count));
          if (count <= taken.length) return phrasings;
          const failure = new ParaphraserError({
            reason: { _tag: "NotEnough", wanted: count, found: taken.length, rejected },
          });
          return Stream.concat(phrasings, Stream.fail(failure));
        },
      };
    }),
  );

interface Read {
  readonly taken: ReadonlyArray<Phrasing>;
  readonly rejected: Readonly<Record<PhrasingRejection, number>>;
}

const readPhrasings = (
  file: string,
  content: string,
  rules: PhrasingRules,
): Effect.Effect<Read, ParaphraserError> => {
  const taken: Array<Phrasing> = [];
  let duplicate = 0;
  for (const [i, line] of content.replace(/^\uFEFF/, "").split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const text = file.endsWith(".jsonl") ? textOf(line) : line.trim();
    const rejection = text === undefined ? "no_text" : rejectionOfPhrasing(text, taken, rules);
    if (text !== undefined && rejection === undefined) taken.push({ text });
    else if (rejection === "duplicate") duplicate++;
    else if (rejection !== undefined) {
      return Effect.fail(
        new ParaphraserError({
          reason: { _tag: "BadPhrasing", file, line: i + 1, text: text ?? line, rejection },
        }),
      );
    }
  }
  return Effect.succeed({ taken, rejected: { no_token: 0, banned_word: 0, duplicate } });
};

const textOf = (line: string): string | undefined => {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined; // reported with its line, as any line that holds no text
  }
  const text = typeof json === "string" ? json : (json as { readonly text?: unknown } | null)?.text;
  return typeof text === "string" ? text : undefined;
};
