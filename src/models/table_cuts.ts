/** Where embedding and head are cut into shards over the vocabulary. @module */

/** Rows `[from, to)` of a table; `from` is a multiple of 4. */
export interface TableCut {
  readonly from: number;
  readonly to: number;
  /** Whether the shard may be stored in another format than f32. */
  readonly packable: boolean;
}

/** What decides where a table is cut. */
export interface TableCutOptions {
  /** Rows of the table, new tokens' among them. */
  readonly rows: number;
  readonly hidden: number;
  /** Most bytes that a shard may take as f32: what one binding may hold. */
  readonly shardBytes: number;
  /** Rows that an adapter overwrites. They stay f32 where the rest is packed. */
  readonly claimed: ReadonlyArray<number>;
  readonly packed: boolean;
}

// The products read and write four columns at a time.
const alignment = 4;

/**
 * Cuts a table so that each shard fits one binding and, where the rest is packed, the claimed rows
 * have shards of their own: a trained row would lose its small updates in a packed format.
 */
export const tableCuts = (
  { rows, hidden, shardBytes, claimed, packed }: TableCutOptions,
): ReadonlyArray<TableCut> => {
  const most = Math.max(alignment, Math.floor(shardBytes / 4 / hidden / alignment) * alignment);
  const blocks = packed ? new Set(claimed.map((id) => Math.floor(id / alignment))) : new Set();
  const starts = new Set([0]);
  for (const block of blocks) {
    starts.add(Number(block) * alignment);
    starts.add(Math.min(rows, (Number(block) + 1) * alignment));
  }
  const bounds = [...starts, rows].filter((row) => row <= rows).sort((a, b) => a - b);
  return bounds.slice(1).flatMap((end, index) => {
    const first = bounds[index]!;
    const packable = packed && !blocks.has(Math.floor(first / alignment));
    return Array.from({ length: Math.ceil((end - first) / most) }, (_, part): TableCut => ({
      from: first + part * most,
      to: Math.min(end, first + (part + 1) * most),
      packable,
    }));
  });
};

/** A table in one piece, as the files have it. */
export const wholeTable = ({ vocab }: { readonly vocab: number }): ReadonlyArray<TableCut> => [
  { from: 0, to: vocab, packable: false },
];
