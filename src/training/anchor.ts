/** Holds a tuned model near its base: KL(tuned ‖ base) on the tokens of anchored examples. @module */
import { Effect, type Scope } from "effect";
import { Gpu, type GpuError, type Pass, type Tensor } from "../gpu/gpu.ts";
import { attendWithin, type Decoder, decoderForward } from "../models/decoder.ts";
import type { Adapter } from "../nn/adapter.ts";
import type { RowPlaces } from "../nn/attend.ts";
import { mapLinears } from "../nn/linears.ts";
import { copy } from "../ops/copy.ts";
import { scatterRows } from "../ops/embedding.ts";
import { type DifferingRows, klDivergence } from "../ops/kl_divergence.ts";

/** The base of an adapter, as it was when the anchor was dropped. */
export interface Anchor {
  /** Factor of the mean divergence of a step's anchored tokens, beside the mean loss. */
  readonly weight: number;
  /** The adapter's decoder without the adapter. */
  readonly base: Decoder;
  /** The new tokens' rows as they were, where they are trained. */
  readonly rows?: DifferingRows;
}

/**
 * Anchors `adapter` by `weight` to its base, with the new tokens' rows at the values they have now; it
 * lives as long as the scope.
 */
export const makeAnchor = (
  { decoder, rows }: Adapter,
  weight: number,
): Effect.Effect<Anchor, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { embeddingLora: _, ...rest } = decoder;
    const base = mapLinears(rest, ({ lora: _, ...linear }) => linear);
    if (!rows?.trained) return { weight, base };
    const { ids: rowIds, input: tuned, trained: { gradient } } = rows;
    const first = yield* gpu.submit((pass) => copy(pass, tuned));
    const differing = { rowIds, tuned, base: first, ...gradient ? { gradient } : {} };
    return { weight, base, rows: differing };
  });

/** A micro-batch, as the base reads it. */
export interface AnchoredBatch extends RowPlaces {
  readonly tokens: Tensor;
  /** u32 `[rows]`: 1 where the row's divergence counts. */
  readonly anchored: Tensor;
}

/**
 * The base's final hidden states `[rows, hidden]`. It leaves the base's rows of new tokens in the
 * tables: an adapter's are placed after it.
 */
export const anchorForward = (pass: Pass, { base, rows }: Anchor, batch: AnchoredBatch): Tensor => {
  if (rows) scatterRows(pass, rows.base, rows.rowIds, base.embedding);
  const { hidden, stream, rstd } = decoderForward(pass, base, batch.tokens, attendWithin(batch));
  pass.release(stream, rstd);
  return hidden;
};

/**
 * The divergences `[rows]` in nats of `hidden`, the tuned model's states, from `baseHidden`; adds the
 * gradient of scale · Σ divergences to `dHidden` and to that of trained rows in a tied head.
 */
export const anchorDivergence = (
  pass: Pass,
  { base: { head, shape: { tiedHead, logitSoftCap } }, rows }: Anchor,
  { hidden, baseHidden, dHidden }: Readonly<Record<"hidden" | "baseHidden" | "dHidden", Tensor>>,
  { anchored }: AnchoredBatch,
  scale: number,
): Tensor =>
  klDivergence(
    pass,
    {
      hidden,
      baseHidden,
      head,
      counted: anchored,
      ...tiedHead && rows ? { differing: rows } : {},
    },
    dHidden,
    { scale, ...logitSoftCap === undefined ? {} : { softCap: logitSoftCap } },
  );
