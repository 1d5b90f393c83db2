/** Packs examples into one ragged batch: rows of tokens, one sequence after another. @module */
import { IGNORE } from "../ops/ignore.ts";
import type { Example } from "./example.ts";

export { IGNORE };

/**
 * Examples laid one after another without padding between them. Row `i` may look at rows
 * `starts[i]` to `i`. Every list is u32 of `rows` entries.
 */
export interface PackedBatch {
  /** Token id of each row. */
  readonly tokens: Uint32Array<ArrayBuffer>;
  /** Index of each row in its own sequence. */
  readonly positions: Uint32Array<ArrayBuffer>;
  /** Row where each row's sequence starts; never decreasing. */
  readonly starts: Uint32Array<ArrayBuffer>;
  /** One past the last row of each row's sequence. */
  readonly ends: Uint32Array<ArrayBuffer>;
  /** Id of the next token where that one is supervised and not muted, else {@linkcode IGNORE}. */
  readonly targets: Uint32Array<ArrayBuffer>;
  /** Rows with a target, those of muted examples among them. */
  readonly supervisedTokens: number;
  /** Their weights together, which is their number unless examples bring weights: what a loss is divided by. */
  readonly lossWeight: number;
  /** Weight of each row's loss, f32; only where an example brings weights. */
  readonly weights?: Float32Array<ArrayBuffer>;
  /** 1 for each row of an anchored example that has a next token, else 0; only where there is one. */
  readonly anchored?: Uint32Array<ArrayBuffer>;
  /** How many rows that are. */
  readonly anchoredTokens: number;
  /** Rows in all, filler rows included. */
  readonly rows: number;
  /** Rows that hold a token of an example. */
  readonly usedRows: number;
  /** Examples in the batch; filler rows do not count. */
  readonly sequences: number;
}

/**
 * Packs examples. Rows are filled up to a multiple of `rowMultiple` with sequences of length 1
 * whose token is 0 and whose target is {@linkcode IGNORE}.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { IGNORE, pack } from "@delia/delia/data";
 *
 * const batch = pack([{ ids: [1, 5, 7, 2], supervised: [false, false, true, true] }], 8);
 * assert(batch.rows === 8 && batch.supervisedTokens === 2);
 * assert(batch.targets[0] === IGNORE && batch.targets[1] === 7);
 * ```
 */
export const pack = (examples: ReadonlyArray<Example>, rowMultiple: number = 1): PackedBatch => {
  const usedRows = examples.reduce((sum, { ids }) => sum + ids.length, 0);
  const rows = Math.ceil(usedRows / rowMultiple) * rowMultiple;
  const [tokens, positions, starts, ends, targets] = [0, 1, 2, 3, 4].map(() =>
    new Uint32Array(rows)
  ) as [Lane, Lane, Lane, Lane, Lane];
  targets.fill(IGNORE);
  const rowWeights = examples.some(({ weights }) => weights)
    ? new Float32Array(rows).fill(1)
    : undefined;
  const anchoredRows = examples.some(({ anchored }) => anchored)
    ? new Uint32Array(rows)
    : undefined;

  let row = 0;
  let supervisedTokens = 0;
  let lossWeight = 0;
  let anchoredTokens = 0;
  for (const { ids, supervised, muted = false, weights, anchored = false } of examples) {
    const start = row;
    const end = start + ids.length;
    tokens.set(ids, start);
    starts.fill(start, start, end);
    ends.fill(end, start, end);
    if (anchored) {
      anchoredRows!.fill(1, start, end - 1);
      anchoredTokens += ids.length - 1;
    }
    for (let i = 0; i < ids.length; i++, row++) {
      positions[row] = i;
      if (supervised[i + 1] !== true) continue;
      if (!muted) targets[row] = ids[i + 1] as number;
      supervisedTokens++;
      const weight = weights?.[i + 1] ?? 1;
      lossWeight += weight;
      if (weights) rowWeights![row] = weight;
    }
  }
  for (; row < rows; row++) {
    starts[row] = row;
    ends[row] = row + 1;
  }
  return {
    tokens,
    positions,
    starts,
    ends,
    targets,
    supervisedTokens,
    lossWeight,
    ...rowWeights ? { weights: rowWeights } : {},
    ...anchoredRows ? { anchored: anchoredRows } : {},
    anchoredTokens,
    rows,
    usedRows,
    sequences: examples.length,
  };
};

type Lane = Uint32Array<ArrayBuffer>;
