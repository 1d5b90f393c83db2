/** What a run took in all its legs: a leg is from its start, or from a `--resume`, to where it ended. @module */
import { Clock, Effect, Exit, FileSystem, type Scope } from "effect";
import { appendJsonLines, keepWholeLines } from "../files/json_lines.ts";
import { readJsonLines, refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";

/** The file of legs in a run folder. */
export const legsFile = "legs.jsonl";

/** How far a leg had come: a line when it begins, after each training, and when it ends. */
export interface LegRecord {
  /** From 1. */
  readonly leg: number;
  /** The preset that was asked for; a leg that goes on with a run was asked for none. */
  readonly preset?: string;
  readonly seconds: number;
  readonly peakGpuBytes: number;
  readonly device: string;
}

/** What all legs took together. */
export interface LegsCost {
  /** That of the first leg that was asked for one. */
  readonly preset?: string;
  /** Their sum; one that was killed counts as far as its last training that was finished. */
  readonly seconds: number;
  /** The greatest. */
  readonly peakGpuBytes: number;
  /** Every one that was used, joined by commas. */
  readonly device: string;
  readonly legs: number;
}

/** What the legs of `records` took: the last record of a leg says how far it came. */
export const costOfLegs = (records: ReadonlyArray<LegRecord>): LegsCost => {
  const last = [...new Map(records.map((record) => [record.leg, record])).values()];
  const preset = records.find((record) => record.preset !== undefined)?.preset;
  return {
    ...preset === undefined ? {} : { preset },
    seconds: last.reduce((sum, { seconds }) => sum + seconds, 0),
    peakGpuBytes: records.reduce((most, { peakGpuBytes }) => Math.max(most, peakGpuBytes), 0),
    device: [...new Set(last.map(({ device }) => device))].join(", "),
    legs: last.length,
  };
};

/** The leg that is under way. */
export interface Leg {
  /** Keeps how far it has come. */
  readonly note: Effect.Effect<void, WeightsError>;
  /** Keeps it, and gives what all legs took until now. */
  readonly cost: Effect.Effect<LegsCost, WeightsError>;
}

/** Begins a leg and keeps in `file` what it takes, also where it is interrupted or fails. */
export const beginLeg = (
  file: string,
  { preset, device, started, peakBytes }: {
    readonly preset: string | undefined;
    readonly device: string;
    /** When the process set out, in milliseconds. */
    readonly started: number;
    readonly peakBytes: () => number;
  },
): Effect.Effect<Leg, WeightsError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const onFiles = Effect.provideService(FileSystem.FileSystem, fs);
    yield* keepWholeLines(file).pipe(refuse(file));
    const before = yield* readJsonLines<LegRecord>(file);
    const leg = Math.max(0, ...before.map((record) => record.leg)) + 1;
    const note = Effect.gen(function* () {
      const record: LegRecord = {
        leg,
        ...preset === undefined ? {} : { preset },
        seconds: ((yield* Clock.currentTimeMillis) - started) / 1000,
        ...{ peakGpuBytes: peakBytes(), device },
      };
      yield* appendJsonLines(file, [record]).pipe(refuse(file));
    }).pipe(onFiles);
    yield* note;
    // One that is done has noted itself with its result.
    yield* Effect.addFinalizer((exit) => Exit.isSuccess(exit) ? Effect.void : Effect.ignore(note));
    const cost = Effect.map(Effect.andThen(note, readJsonLines<LegRecord>(file)), costOfLegs);
    return { note, cost: cost.pipe(onFiles) };
  });
