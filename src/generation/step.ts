/** A step of generation: new prompts are read, and each open row draws its next token. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import { decoderForward, decoderLogits } from "../models/decoder.ts";
import { placeAdapterRows, type Subject } from "../nn/adapter.ts";
import { aligned, windowOf } from "../nn/arenas.ts";
import { type DrawnTokens, sampleToken } from "../ops/sample_token.ts";
import type { KvCache } from "./kv_cache.ts";
import type { Row } from "./row.ts";
import type { Decoding } from "./sampler.ts";
import { attendInStep } from "./step_attention.ts";
import { inTurn, placesOf, type StepPlaces, uploadPlaces } from "./step_places.ts";

/** Changes the logits of a step before tokens are drawn from them. */
export interface Mix {
  /** Rows next to each other that belong together: they read the same answer. */
  readonly width: number;
  /** In place, on `logits [rows, vocab]`. */
  readonly apply: (pass: Pass, logits: Tensor) => void;
}

/**
 * Draws the next token of every row of `open`, and appends it there. Those of them that are `admitted`
 * have their prompts read into the cache before, in the same submission as far as that may be large.
 */
export type GenerationStep = (
  open: ReadonlyArray<Row>,
  admitted: ReadonlyArray<Row>,
) => Effect.Effect<void, GpuError>;

/** Prepares steps of at most `mostRows` open rows. */
export const prepareStep = (
  { decoder, adapter }: Subject,
  cache: KvCache,
  { temperature, topP, valid }: Decoding,
  { mostRows, mix }: { readonly mostRows: number; readonly mix?: Mix },
): Effect.Effect<GenerationStep, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const output = yield* gpu.allocate([2 * aligned(mostRows)], "u32");

    const record = (pass: Pass, places: StepPlaces, drawn: DrawnTokens): void => {
      if (adapter) placeAdapterRows(pass, adapter);
      const { tokens, wanted, open } = places;
      const attendOf = attendInStep(cache, places);
      const options = wanted ? { wanted } : {};
      const { hidden } = decoderForward(pass, decoder, tokens, attendOf, options);
      if (!open) return;
      const logits = decoderLogits(pass, decoder, hidden);
      mix?.apply(pass, logits);
      sampleToken(pass, logits, open.seeds, open.drawn, { temperature, topP, valid }, {
        into: drawn,
      });
    };

    const run = (read: ReadonlyArray<Row>, open: ReadonlyArray<Row>) =>
      Effect.scoped(Effect.gen(function* () {
        const places = yield* uploadPlaces(gpu, placesOf(read, open, cache.slots));
        yield* gpu.submit((pass) => record(pass, places, drawnIn(output, open.length)));
      }));

    return (open, admitted) =>
      Effect.gen(function* () {
        const turns = inTurn(admitted);
        for (const read of turns.slice(0, -1)) yield* run(read, []);
        yield* run(turns.at(-1) ?? [], open);
        append(
          open,
          yield* gpu.downloadU32(windowOf(output, 0, [2 * aligned(open.length)], "u32")),
        );
      });
  });

const drawnIn = (output: Tensor, rows: number): DrawnTokens => ({
  tokens: windowOf(output, 0, [rows], "u32"),
  logProbability: windowOf(output, aligned(rows), [rows]),
});

const append = (rows: ReadonlyArray<Row>, output: Uint32Array<ArrayBuffer>): void => {
  const logs = new Float32Array(output.buffer);
  for (const [index, { ids, logProbabilities }] of rows.entries()) {
    ids.push(output[index]!);
    logProbabilities.push(logs[aligned(rows.length) + index]!);
  }
};
