/** Takes records of steps that will be done again out of a run's metrics file. @module */
import { Effect, type FileSystem } from "effect";
import { writeWhole } from "../files/write_whole.ts";
import { readIfPresent, refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";

/**
 * Keeps the records in `file` of steps before `step`, where the run goes on; a line that was cut off
 * goes too. Without a file there is nothing to do.
 */
export const dropRecords = (
  file: string,
  step: number,
): Effect.Effect<void, WeightsError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const text = yield* readIfPresent(file);
    if (text === undefined) return;
    const kept = text.split("\n").filter((line) => {
      const recorded = stepOf(line);
      return recorded !== undefined && recorded < step;
    });
    yield* writeWhole(file, kept.map((line) => `${line}\n`).join("")).pipe(refuse(file));
  });

const stepOf = (line: string): number | undefined => {
  try {
    const { step } = JSON.parse(line);
    return typeof step === "number" ? step : undefined;
  } catch {
    return undefined; // half a line of a run that died while it wrote
  }
};
