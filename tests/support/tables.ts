/** Tables of several shards in several formats, for tests. @module */
import { Effect, type Scope } from "effect";
import type { Gpu, GpuError, Tensor } from "../../src/gpu/gpu.ts";
import { tableOf, type VocabularyTable } from "../../src/ops/vocabulary_table.ts";
import type { StorageFormat } from "../../src/weights/pack.ts";
import { upload } from "./packed.ts";

/** Where a shard ends and how it is stored; `gradient` is kept beside it. */
export interface ShardPlan {
  readonly to: number;
  readonly format: StorageFormat;
  readonly gradient?: Tensor;
}

/** `data [·, hidden]` in the shards of `plan`, and the numbers that are stored then. */
export const uploadTable = (
  data: Float32Array<ArrayBuffer>,
  hidden: number,
  plan: ReadonlyArray<ShardPlan>,
): Effect.Effect<
  { readonly table: VocabularyTable; readonly values: Float64Array },
  GpuError,
  Gpu | Scope.Scope
> =>
  Effect.gen(function* () {
    const values = new Float64Array(data.length);
    const shards = yield* Effect.forEach(plan, ({ to, format, gradient }, index) =>
      Effect.gen(function* () {
        const from = plan[index - 1]?.to ?? 0;
        const part = data.slice(from * hidden, to * hidden);
        const { stored, values: own } = yield* upload(part, [to - from, hidden], format);
        values.set(own, from * hidden);
        return { from, to, rows: stored, ...gradient ? { gradient } : {} };
      }));
    return { table: tableOf(shards), values };
  });
