/** How the rows of a step attend: prompts within themselves, open rows to all that is cached. @module */
import type { Tensor } from "../gpu/gpu.ts";
import type { AttendOf } from "../models/decoder.ts";
import { windowOf } from "../nn/arenas.ts";
import type { Attend } from "../nn/attend.ts";
import { attention } from "../ops/attention.ts";
import { cacheAppend } from "../ops/cache_append.ts";
import { cachedAttention } from "../ops/cached_attention.ts";
import { rotary } from "../ops/rotary.ts";
import type { KvCache } from "./kv_cache.ts";
import type { StepPlaces } from "./step_places.ts";

/** Attention at `places`; keys and values of all rows join `cache` before. */
export const attendInStep = (
  cache: KvCache,
  { slots, positions, prompts, open }: StepPlaces,
): AttendOf<{ readonly forward: Attend }> =>
({ attending: { rule, rotations } }, layer) => ({
  forward: (pass, qkv) => {
    const { keys, values } = cache.layers[layer]!;
    if (rotations) rotary(pass, qkv, rotations, positions, rule, 1);
    cacheAppend(pass, qkv, slots, positions, keys, values, rule);
    const y = pass.tensor([qkv.shape[0]!, rule.heads * rule.headDim]);
    const between = prompts?.rows ?? 0;
    if (prompts) {
      const [ofPrompts, into] = [rowsOf(qkv, 0, between), rowsOf(y, 0, between)];
      pass.release(attention(pass, ofPrompts, prompts.starts, rule, into).logSumExp);
    }
    if (open) {
      const { slots: sequences, lengths } = open;
      const end = between + open.rows;
      const [ofOpen, into] = [rowsOf(qkv, between, end), rowsOf(y, between, end)];
      cachedAttention(pass, ofOpen, { keys, values, sequences, lengths }, rule, into);
    }
    return { y };
  },
});

const rowsOf = (tensor: Tensor, from: number, to: number): Tensor => {
  const cols = tensor.shape[1]!;
  return windowOf(tensor, from * cols, [to - from, cols]);
};
