/** Reads the residual stream at chosen tokens, after every layer. @module */
import { Effect, type Scope } from "effect";
import { pack } from "../data/batch.ts";
import { Gpu, type GpuError, type Tensor } from "../gpu/gpu.ts";
import { attendWithin, decoderForward } from "../models/decoder.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import { embed } from "../ops/embedding.ts";
import { wholeTable } from "../ops/vocabulary_table.ts";
import { type BatchTensors, uploadBatch } from "../training/step.ts";

/** A token of a sequence: `ids[at]`. */
export interface Place {
  readonly ids: ReadonlyArray<number>;
  readonly at: number;
}

/** Sequences on the GPU as one batch, and the rows in it of the tokens that are read. */
export const uploadPlaces = (
  gpu: Gpu,
  places: ReadonlyArray<Place>,
): Effect.Effect<
  { readonly batch: BatchTensors; readonly rowIds: Tensor },
  GpuError,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const batch = pack(places.map(({ ids }) => ({ ids, supervised: ids.map(() => false) })), 32);
    let start = 0;
    const rows = Uint32Array.from(places, ({ ids, at }) => {
      const row = start + at;
      start += ids.length;
      return row;
    });
    return {
      batch: yield* uploadBatch(gpu, batch),
      rowIds: yield* gpu.upload(rows, [rows.length]),
    };
  });

/** By layer (0 is the first block's output): the streams at `places`, `[places, hidden]` row-major. */
export const hiddenStatesAt = (
  { decoder, adapter }: Subject,
  places: ReadonlyArray<Place>,
): Effect.Effect<ReadonlyArray<Float32Array>, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { batch, rowIds } = yield* uploadPlaces(gpu, places);
    const streams = yield* gpu.submit((pass) => {
      if (adapter) placeAdapterRows(pass, adapter);
      const gathered: Tensor[] = [];
      decoderForward(pass, decoder, batch.tokens, attendWithin(batch), {
        onLayer: (pass, stream) => gathered.push(embed(pass, wholeTable(stream), rowIds)),
      });
      return gathered;
    });
    return yield* Effect.forEach(streams, (stream) => gpu.download(stream));
  }));
