/** Digests of what a training and its tests read, by which records of the same data are known. @module */
import { Effect } from "effect";
import type { Example } from "../data/example.ts";

/** SHA-256 of `bytes` in hexadecimal digits. */
const digest = (bytes: Uint8Array<ArrayBuffer>): Effect.Effect<string> =>
  Effect.promise(async () => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex());

/** The digest of examples in their order: their tokens, and which of them are labels. */
export const hashExamples = (examples: ReadonlyArray<Example>): Effect.Effect<string> => {
  const words = examples.flatMap(({ ids, supervised }) => [
    ids.length,
    ...ids.map((id, at) => 2 * id + (supervised[at] ? 1 : 0)),
  ]);
  return digest(new Uint8Array(Uint32Array.from(words).buffer));
};

/** The digest of a value that JSON can hold. */
export const hashValue = (value: unknown): Effect.Effect<string> =>
  digest(new TextEncoder().encode(JSON.stringify(value)));
