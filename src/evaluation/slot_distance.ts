/**
 * How near a new token's hidden state lies to a word's in the same slot: variant V1 of the paper's
 * L2 measure (arXiv 2408.10841, table 1), whose exact definition is unpublished.
 *
 * @module
 */
import { Effect } from "effect";
import type { Gpu, GpuError } from "../gpu/gpu.ts";
import type { Subject } from "../nn/adapter.ts";
import { hiddenStatesAt, type Place } from "./hidden_states.ts";

/** Mean L2 distance after the first, the middle (⌈layers/2⌉) and the last block. */
export interface SlotDistance {
  readonly first: number;
  readonly middle: number;
  readonly last: number;
}

/** Mean over rows of ‖a − b‖₂. */
const meanDistance = (a: Float32Array, b: Float32Array, hidden: number): number => {
  const rows = a.length / hidden;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let i = row * hidden; i < (row + 1) * hidden; i++) squares += (a[i]! - b[i]!) ** 2;
    sum += Math.sqrt(squares);
  }
  return sum / rows;
};

/**
 * Distance between the state at `places`, whose token there is the new one, and the state there
 * when that token is replaced by `word`.
 */
export const slotDistance = (
  subject: Subject,
  places: ReadonlyArray<Place>,
  word: number,
): Effect.Effect<SlotDistance, GpuError, Gpu> =>
  Effect.gen(function* () {
    const replaced = places.map(({ ids, at }) => ({ ids: ids.with(at, word), at }));
    const [own, others] = [
      yield* hiddenStatesAt(subject, places),
      yield* hiddenStatesAt(subject, replaced),
    ];
    const { hidden } = subject.decoder.shape;
    const after = (layers: number): number =>
      meanDistance(own[layers - 1]!, others[layers - 1]!, hidden);
    return {
      first: after(1),
      middle: after(Math.ceil(own.length / 2)),
      last: after(own.length),
    };
  });
