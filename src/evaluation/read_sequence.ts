/** Everything that a model computes on one sequence: logits, and the residual stream after each block. @module */
import { Effect } from "effect";
import { pack } from "../data/batch.ts";
import { Gpu, type GpuError, type Tensor } from "../gpu/gpu.ts";
import { attendWithin, decoderForward, decoderLogits } from "../models/decoder.ts";
import { ModelError } from "../models/model_error.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import { copy } from "../ops/copy.ts";
import { uploadBatch } from "../training/step.ts";

/** What {@linkcode readSequence} reads; row-major f32. */
export interface SequenceReading {
  /** Logits after each token `[tokens, vocab]`, unused rows of the head included. */
  readonly logits: Float32Array;
  /** Residual stream after each block `[tokens, hidden]`. */
  readonly hidden: ReadonlyArray<Float32Array>;
}

/** Runs `subject` on the tokens `ids`. Fails with `TooManyPositions` where they do not fit. */
export const readSequence = (
  { decoder, adapter }: Subject,
  ids: ReadonlyArray<number>,
): Effect.Effect<SequenceReading, GpuError | ModelError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const allowed = decoder.positions;
    if (ids.length > allowed) {
      return yield* new ModelError({
        reason: { _tag: "TooManyPositions", positions: ids.length, allowed },
      });
    }
    const batch = yield* uploadBatch(gpu, pack([{ ids, supervised: ids.map(() => false) }]));
    const streams: Tensor[] = [];
    const logits = yield* gpu.submit((pass) => {
      if (adapter) placeAdapterRows(pass, adapter);
      const { hidden } = decoderForward(pass, decoder, batch.tokens, attendWithin(batch), {
        onLayer: (pass, stream) => void streams.push(copy(pass, stream)),
      });
      return decoderLogits(pass, decoder, hidden);
    });
    return {
      logits: yield* gpu.download(logits),
      hidden: yield* Effect.forEach(streams, (stream) => gpu.download(stream)),
    };
  }));
