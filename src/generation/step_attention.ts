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
  { slots, positions, starts, open }: StepPlaces,
): AttendOf<{ readonly forward: Attend }> =>
({ attending: { rule, rotations } }, layer) => ({
  forward: (pass, qkv) => {
    const { keys, values } = cache.layers[layer]!;
    if (rotations) rotary(pass, qkv, rotations, positions, rule, 1);
    cacheAppend(pass, qkv, slots, positions, keys, values, rule);
    const rows = qkv.shape[0]!;
    const y = pass.tensor([rows, rule.heads * rule.headDim]);
    const ofPrompts = starts?.shape[0] ?? 0;
    if (starts) {
      const [from, into] = [rowWindow(qkv, 0, ofPrompts), rowWindow(y, 0, ofPrompts)];
      pass.release(attention(pass, from, starts, rule, into).logSumExp);
    }
    if (open) {
      const { slots: sequences, lengths } = open;
      const [from, into] = [rowWindow(qkv, ofPrompts, rows), rowWindow(y, ofPrompts, rows)];
      cachedAttention(pass, from, { keys, values, sequences, lengths }, rule, into);
    }
    return { y };
  },
});

// Rows `[from, to)` as a tensor: a kernel of attention takes no strides. They start on 256 bytes.
const rowWindow = (tensor: Tensor, from: number, to: number): Tensor => {
  const cols = tensor.shape[1]!;
  return windowOf(tensor, from * cols, [to - from, cols]);
};
