/** How far training moved a new token's embedding row, and what it came to lie near. @module */
import { Effect } from "effect";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { Subject } from "../nn/adapter.ts";
import { vocabularyWords } from "./compared_words.ts";
import { readRows } from "./read_states.ts";
import { l2Distance, measure } from "./vector_distance.ts";

/** A word near a row. */
export interface NearWord {
  readonly id: number;
  /** As the vocabulary spells it. */
  readonly token: string;
  readonly cosine: number;
}

/** What {@linkcode embeddingDrift} gives. Rows as the table holds them, an adapter of it included. */
export interface EmbeddingDrift {
  /** ‖row‖₂, now and at the start. */
  readonly norm: number;
  readonly startNorm: number;
  /** ‖row − start‖₂. */
  readonly moved: number;
  readonly cosineToStart: number;
  /** The ten nearest words by cosine, nearest first. */
  readonly nearest: ReadonlyArray<NearWord>;
  readonly nearestToStart: ReadonlyArray<NearWord>;
}

const nearestCount = 10;

/**
 * Compares the row of `token` with `start [hidden]`, its first value, and both with every other word.
 *
 * ```ts
 * import { Effect } from "effect";
 * import type { Subject } from "@delia/delia";
 * import type { Tokenizer } from "@delia/delia/data";
 * import { embeddingDrift } from "@delia/delia/evaluation";
 *
 * const drift = (subject: Subject, tokenizer: Tokenizer, start: Float32Array) =>
 *   Effect.gen(function* () {
 *     const token = tokenizer.idOf("<sep>")!;
 *     const { moved, nearest } = yield* embeddingDrift(subject, tokenizer, token, start);
 *     return `moved by ${moved}, nearest to ${nearest[0]?.token}`;
 *   });
 * ```
 */
export const embeddingDrift = (
  subject: Subject,
  tokenizer: Tokenizer,
  token: number,
  start: Float32Array,
): Effect.Effect<EmbeddingDrift, GpuError, Gpu> =>
  Effect.gen(function* () {
    const { embeddingScale } = subject.decoder.shape;
    const words = vocabularyWords(tokenizer).filter((id) => id !== token);
    let row: Float32Array = start;
    const toRow: NearWord[] = [];
    const toStart: NearWord[] = [];
    yield* readRows(subject, [token, ...words], (index, scaled) => {
      if (index === 0) {
        row = scaled.map((value) => value / embeddingScale);
        return;
      }
      const id = words[index - 1]!;
      for (const [own, near] of [[row, toRow], [start, toStart]] as const) {
        const cosine = cosineOf(own, scaled);
        if (near.length === nearestCount && cosine <= near.at(-1)!.cosine) continue;
        const place = near.findIndex((other) => other.cosine < cosine);
        near.splice(place < 0 ? near.length : place, 0, {
          id,
          token: tokenizer.tokenOf(id)!,
          cosine,
        });
        near.length = Math.min(near.length, nearestCount);
      }
    });
    const zero = new Float32Array(start.length);
    const { l2: moved, cosine: cosineToStart } = measure(row, start);
    return {
      norm: l2Distance(row, zero),
      startNorm: l2Distance(start, zero),
      moved,
      cosineToStart,
      nearest: toRow,
      nearestToStart: toStart,
    };
  });

const cosineOf = (a: Float32Array, b: Float32Array): number => {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return aa > 0 && bb > 0 ? dot / Math.sqrt(aa) / Math.sqrt(bb) : 0;
};
