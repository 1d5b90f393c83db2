/** Reads an embedding or a head back from the GPU, whatever format it is stored in. @module */
import { Effect } from "effect";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import { isPacked, unpackRows } from "../ops/unpack.ts";
import type { VocabularyTable } from "../ops/vocabulary_table.ts";

/** The rows of `table`, `[vocab, hidden]` row-major, as the model computes with them. */
export const downloadTable = (
  { vocab, hidden, shards }: VocabularyTable,
): Effect.Effect<Float32Array, GpuError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const data = new Float32Array(vocab * hidden);
    for (const { from, to, rows } of shards) {
      const part = yield* isPacked(rows)
        ? Effect.scoped(
          Effect.flatMap(
            gpu.submit((pass) => unpackRows(pass, rows, 0, to - from)),
            (tensor) => gpu.download(tensor),
          ),
        )
        : gpu.download(rows);
      data.set(part, from * hidden);
    }
    return data;
  });
