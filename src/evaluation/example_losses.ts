/** The loss of a model on examples, one by one, many to a batch. @module */
import { Effect } from "effect";
import { pack } from "../data/batch.ts";
import type { Example } from "../data/example.ts";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import { attendWithin, decoderForward } from "../models/decoder.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { uploadBatch } from "../training/step.ts";
import { batchesOf } from "./example_batches.ts";

/** The loss of one example. */
export interface ExampleLoss {
  /** Sum over the supervised tokens, in nats. */
  readonly sum: number;
  readonly supervisedTokens: number;
}

/** Filled up to whole tiles of the kernels, as training does. */
const rowMultiple = 32;

/** The loss of each example, in order, without dropout. */
export const exampleLosses = (
  subject: Subject,
  examples: ReadonlyArray<Example>,
  onDone: (examples: number) => void = () => {},
): Effect.Effect<ReadonlyArray<ExampleLoss>, GpuError, Gpu> =>
  Effect.gen(function* () {
    const losses: ExampleLoss[] = [];
    for (const batch of batchesOf(examples)) {
      losses.push(...yield* batchLosses(subject, batch));
      onDone(losses.length);
    }
    return losses;
  });

const batchLosses = (
  { decoder, adapter }: Subject,
  examples: ReadonlyArray<Example>,
): Effect.Effect<ReadonlyArray<ExampleLoss>, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const batch = yield* uploadBatch(gpu, pack(examples, rowMultiple));
    const onGpu = yield* gpu.submit((pass) => {
      if (adapter) placeAdapterRows(pass, adapter);
      const { hidden } = decoderForward(pass, decoder, batch.tokens, attendWithin(batch));
      const { head, shape: { logitSoftCap: softCap } } = decoder;
      return crossEntropy(
        pass,
        { hidden, head, targets: batch.targets },
        { scale: 1, gradient: false, ...softCap === undefined ? {} : { softCap } },
      ).losses;
    });
    const losses = yield* gpu.download(onGpu);
    let row = 0;
    return examples.map(({ ids, supervised }): ExampleLoss => {
      const own = losses.subarray(row, row += ids.length); // 0 where the next token is no label
      return {
        sum: own.reduce((sum, loss) => sum + loss, 0),
        supervisedTokens: supervised.filter((label, at) => label && at > 0).length,
      };
    });
  }));
