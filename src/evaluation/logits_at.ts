/** Reads the logits after chosen tokens, without those of all others. @module */
import { Effect } from "effect";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import { attendWithin, decoderForward, decoderLogits } from "../models/decoder.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import { embed } from "../ops/embedding.ts";
import { wholeTable } from "../ops/vocabulary_table.ts";
import { type Place, uploadPlaces } from "./hidden_states.ts";

/** The logits after the tokens at `places`: a row of `[decoder.rows]` for each. */
export const logitsAt = (
  { decoder, adapter }: Subject,
  places: ReadonlyArray<Place>,
): Effect.Effect<ReadonlyArray<Float32Array>, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { batch, rowIds } = yield* uploadPlaces(gpu, places);
    const logits = yield* gpu.submit((pass) => {
      if (adapter) placeAdapterRows(pass, adapter);
      const { hidden } = decoderForward(pass, decoder, batch.tokens, attendWithin(batch));
      return decoderLogits(pass, decoder, embed(pass, wholeTable(hidden), rowIds));
    });
    const all = yield* gpu.download(logits);
    return places.map((_, index) => all.subarray(index * decoder.rows, (index + 1) * decoder.rows));
  }));
