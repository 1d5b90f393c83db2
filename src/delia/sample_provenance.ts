/** How samples were made: what has to be the same for a file of them to be gone on with. @module */
import { Effect } from "effect";
import type { SamplingConfig } from "../config/sampling_config.ts";
import { SampleCacheError } from "./sample_cache_error.ts";

/** How samples were made: settings by dotted name, each of which must be the same to go on. */
export type Provenance = Readonly<Record<string, string | number>>;

/** Where the provenance of the samples in `file` is kept. */
export const provenanceFile = (file: string): string => `${file}.provenance.json`;

/** What decides the answers: the base's files by their SHA-256, and the settings of the draws. */
export const provenanceOf = (
  sha256: Readonly<Record<string, string>>,
  { temperature, topP, maxNewTokens, promptMode, seed, system, trim }: SamplingConfig,
): Provenance => ({
  ...Object.fromEntries(Object.entries(sha256).map(([name, hash]) => [`base.${name}`, hash])),
  ...{ temperature, topP, maxNewTokens, promptMode, seed },
  ...system === undefined ? {} : { system },
  ...trim === "white_space" ? {} : { trim },
});

/** The provenance in `text`, which stands beside `file`. */
export const parseProvenance = (
  file: string,
  text: string,
): Effect.Effect<Readonly<Record<string, unknown>>, SampleCacheError> => {
  try {
    return Effect.succeed(Object(JSON.parse(text)));
  } catch {
    const reason = {
      _tag: "Unreadable",
      file: provenanceFile(file),
      problem: "is no JSON",
    } as const;
    return Effect.fail(new SampleCacheError({ reason }));
  }
};

/** Fails with the first setting in which what is stored differs from what is asked for. */
export const checkProvenance = (
  file: string,
  stored: Readonly<Record<string, unknown>>,
  provenance: Provenance,
): Effect.Effect<void, SampleCacheError> => {
  for (const setting of new Set([...Object.keys(provenance), ...Object.keys(stored)])) {
    const [expected, actual] = [provenance, stored].map((it) => JSON.stringify(it[setting]));
    if (expected === actual) continue;
    const reason = { _tag: "OtherSettings", file, setting } as const;
    return Effect.fail(
      new SampleCacheError({
        reason: { ...reason, expected: expected ?? "none", actual: actual ?? "none" },
      }),
    );
  }
  return Effect.void;
};
