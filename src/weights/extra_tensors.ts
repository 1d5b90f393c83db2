/** Refuses a checkpoint with tensors that its model does not read: ignoring one changes what is computed. @module */
import { Effect } from "effect";
import type { Weights } from "./weights.ts";
import { WeightsError } from "./weights_error.ts";

/** Buffers that old checkpoints carry and that every loader recomputes from the configuration. */
const recomputed = /(^|\.)(rotary_emb\.inv_freq|masked_bias)$/;

/**
 * Fails with the names of the tensors of `file` that are neither `wanted` nor known to be harmless.
 * `unused` are further names that may be there: a tied head's `lm_head.weight`.
 */
export const refuseExtra = (
  weights: Weights,
  wanted: Iterable<string>,
  file: string,
  unused: Iterable<string> = [],
): Effect.Effect<void, WeightsError> => {
  const known = new Set([...wanted, ...unused]);
  const tensors = weights.names.filter((name) => !known.has(name) && !recomputed.test(name));
  return tensors.length === 0
    ? Effect.void
    : Effect.fail(new WeightsError({ reason: { _tag: "ExtraTensors", file, tensors } }));
};
