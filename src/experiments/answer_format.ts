/** The format that all answers of a task have, read from the answers themselves. @module */
import { Result } from "effect";
import type { AnswerFormat } from "../evaluation/metrics/formatted_text.ts";
import { readObject } from "../evaluation/metrics/read_object.ts";

/** Why answers have no format in common, for `Expected … but found …`. */
export interface NoFormat {
  /** The answer that is to blame; undefined where there is none at all. */
  readonly index?: number;
  readonly report: string;
}

/** All answers are objects with the same keys; the label is the key with the fewest values, two at least. */
export const answerFormat = (
  answers: ReadonlyArray<string>,
): Result.Result<AnswerFormat, NoFormat> =>
  Result.gen(function* () {
    const objects = yield* Result.all(answers.map((answer, index) => {
      const object = readObject(answer)?.object;
      return object
        ? Result.succeed(object)
        : Result.fail({ index, report: "an answer without an object" });
    }));
    const [first] = objects;
    if (!first) return yield* Result.fail({ report: "no downstream example" });
    const keys = Object.keys(first);
    for (const [index, object] of objects.entries()) {
      const own = Object.entries(object);
      const same = own.length === keys.length && own.every(([key]) => keys.includes(key));
      if (!same || own.some(([, value]) => typeof value !== "string")) {
        return yield* Result.fail({
          index,
          report: `an answer that has not the keys of the first, ${keys.join(", ")}, each with ` +
            "a text",
        });
      }
    }
    const valuesOf = (key: string): ReadonlyArray<string> =>
      [...new Set(objects.map((object) => String(object[key])))].sort();
    // What never changes is no label.
    const sizeOf = (key: string): number =>
      valuesOf(key).length === 1 ? Infinity : valuesOf(key).length;
    const label = keys.reduce((best, key) => sizeOf(key) < sizeOf(best) ? key : best);
    return { keys, label, labels: valuesOf(label) };
  });
