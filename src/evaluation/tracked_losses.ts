/**
 * Losses of single tokens that matter, such as an answer's opening brace: of labels and of prompt tokens
 * apart, for every example of every batch.
 *
 * @module
 */
import { Effect } from "effect";
import { pack } from "../data/batch.ts";
import type { Example } from "../data/example.ts";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import { attendWithin, decoderForward } from "../models/decoder.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { embed } from "../ops/embedding.ts";
import { wholeTable } from "../ops/vocabulary_table.ts";
import { uploadBatch } from "../training/step.ts";
import { batchesOf } from "./example_batches.ts";
import type { TokenPicker } from "./token_pickers.ts";

/** The loss of one token. */
export interface TrackedLoss {
  /** Index of the example. */
  readonly example: number;
  /** Place in its `ids`. */
  readonly at: number;
  readonly id: number;
  /** −ln p of the token after those before it, in nats. */
  readonly loss: number;
}

/** The tokens of one picker, by what they are to training. */
export interface TrackedSeries {
  /** Labels: these losses are part of what training minimises. */
  readonly supervised: ReadonlyArray<TrackedLoss>;
  /** Tokens of the prompt, against the token that in fact stands there: never trained on. */
  readonly prompt: ReadonlyArray<TrackedLoss>;
}

/** The beginning of an example that its tracked tokens need, and where those stand. */
interface Tracked {
  readonly example: number;
  readonly ids: ReadonlyArray<number>;
  readonly targets: ReadonlyMap<number, number>;
}

/**
 * The losses of the tokens that each of `pickers` picks, by its name, without dropout. An example's first
 * token is never tracked, for nothing stands before it.
 *
 * ```ts
 * import { Effect } from "effect";
 * import type { Subject } from "@delia/delia";
 * import type { Example, Tokenizer } from "@delia/delia/data";
 * import { meanLoss, openingBrace, tokenIs, trackedLosses } from "@delia/delia/evaluation";
 *
 * const lossesOf = (subject: Subject, tokenizer: Tokenizer, examples: ReadonlyArray<Example>) =>
 *   Effect.gen(function* () {
 *     const { brace, sep } = yield* trackedLosses(subject, examples, {
 *       brace: openingBrace(tokenizer),
 *       sep: tokenIs(tokenizer.idOf("<sep>")!),
 *     });
 *     return { brace: meanLoss(brace.supervised), sepInPrompt: meanLoss(sep.prompt) };
 *   });
 * ```
 */
export const trackedLosses = <Name extends string>(
  subject: Subject,
  examples: ReadonlyArray<Example>,
  pickers: Readonly<Record<Name, TokenPicker>>,
): Effect.Effect<Readonly<Record<Name, TrackedSeries>>, GpuError, Gpu> =>
  Effect.gen(function* () {
    const names = Object.keys(pickers) as Name[];
    const picked = new Map(names.map((name) =>
      [name, examples.map((example) => pickers[name](example).filter((at) => at > 0))] as const
    ));
    const tracked = examples.flatMap(({ ids }, example): ReadonlyArray<Tracked> => {
      const places = new Set(names.flatMap((name) =>
        picked.get(name)![example]!
      ));
      if (places.size === 0) return [];
      const targets = new Map([...places].map((at) => [at, ids[at]!]));
      // Tokens from the last tracked one on cannot change its loss.
      return [{ example, ids: ids.slice(0, Math.max(...places)), targets }];
    });
    const losses = examples.map(() => new Map<number, number>());
    for (const batch of batchesOf(tracked)) {
      const found = yield* batchLosses(subject, batch);
      let index = 0;
      for (const { example, targets } of batch) {
        for (const at of targets.keys()) losses[example]!.set(at, found[index++]!);
      }
    }
    const series = (name: Name): TrackedSeries => {
      const all = (label: boolean) =>
        examples.flatMap(({ ids, supervised }, example) =>
          picked.get(name)![example]!.filter((at) => (supervised[at] === true) === label)
            .map((at): TrackedLoss => ({
              example,
              at,
              id: ids[at]!,
              loss: losses[example]!.get(at)!,
            }))
        );
      return { supervised: all(true), prompt: all(false) };
    };
    return Object.fromEntries(names.map((name) => [name, series(name)])) as Record<
      Name,
      TrackedSeries
    >;
  });

// The rows before the tracked tokens alone meet the head.
const batchLosses = (
  { decoder, adapter }: Subject,
  batch: ReadonlyArray<Tracked>,
): Effect.Effect<Float32Array, GpuError, Gpu> =>
  Effect.scoped(Effect.gen(function* () {
    const gpu = yield* Gpu;
    const rows: number[] = [];
    let start = 0;
    for (const { ids, targets } of batch) {
      for (const at of targets.keys()) rows.push(start + at - 1);
      start += ids.length;
    }
    const labels = batch.flatMap(({ targets }) => [...targets.values()]);
    const packed = pack(batch.map(({ ids }) => ({ ids, supervised: [] })), 32);
    const tensors = yield* uploadBatch(gpu, packed);
    const before = yield* gpu.upload(Uint32Array.from(rows), [rows.length]);
    const targets = yield* gpu.upload(Uint32Array.from(labels), [labels.length]);
    const losses = yield* gpu.submit((pass) => {
      if (adapter) placeAdapterRows(pass, adapter);
      const { hidden: all } = decoderForward(pass, decoder, tensors.tokens, attendWithin(tensors));
      const hidden = embed(pass, wholeTable(all), before);
      const { head, shape: { logitSoftCap: softCap } } = decoder;
      return crossEntropy(
        pass,
        { hidden, head, targets },
        { scale: 1, gradient: false, ...softCap === undefined ? {} : { softCap } },
      ).losses;
    });
    return yield* gpu.download(losses);
  }));

/** The mean loss of a series; NaN for none. */
export const meanLoss = (losses: ReadonlyArray<TrackedLoss>): number =>
  losses.reduce((sum, { loss }) => sum + loss, 0) / losses.length;
