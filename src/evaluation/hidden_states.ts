/** Reads the residual stream at chosen tokens, after every layer. @module */
import { Effect } from "effect";
import { pack } from "../data/batch.ts";
import { Gpu, type GpuError, type Tensor } from "../gpu/gpu.ts";
import { attendWithin, decoderForward } from "../models/decoder.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import { embed } from "../ops/embedding.ts";
import { wholeTable } from "../ops/vocabulary_table.ts";
import { uploadBatch } from "../training/step.ts";

/** A token of a sequence: `ids[at]`. */
export interface Place {
  readonly ids: ReadonlyArray<number>;
  readonly at: number;
}

/** By layer (0 is the first block's output): the streams at `places`, `[places, hidden]` row-major. */
export const hiddenStatesAt = (
  { decoder, adapter }: Subject,
  places: ReadonlyArray<Place>,
): Effect.Effect<ReadonlyArray<Float32Array>, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const batch = pack(places.map(({ ids }) => ({ ids, supervised: ids.map(() => false) })), 32);
    let start = 0;
    const rows = Uint32Array.from(places, ({ ids, at }) => {
      const row = start + at;
      start += ids.length;
      return row;
    });
    const tensors = yield* uploadBatch(gpu, batch);
    const rowIds = yield* gpu.upload(rows, [rows.length]);
    const streams = yield* gpu.submit((pass) => {
      if (adapter) placeAdapterRows(pass, adapter);
      const gathered: Tensor[] = [];
      decoderForward(pass, decoder, tensors.tokens, attendWithin(tensors), {
        onLayer: (pass, stream) => gathered.push(embed(pass, wholeTable(stream), rowIds)),
      });
      return gathered;
    });
    return yield* Effect.forEach(streams, (stream) => gpu.download(stream));
  }));
