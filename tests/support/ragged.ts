/** Row places of packed batches, for tests and benches of attention. @module */

/** Where each row of sequences of the given lengths stands; all u32 `[rows]`. */
export interface Ragged {
  readonly rows: number;
  readonly positions: Uint32Array<ArrayBuffer>;
  readonly starts: Uint32Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
}

/** Sequences of `lengths` one after another. */
export const ragged = (lengths: ReadonlyArray<number>): Ragged => {
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  const [positions, starts, ends] = [0, 1, 2].map(() => new Uint32Array(rows));
  let start = 0;
  for (const length of lengths) {
    for (let position = 0; position < length; position++) {
      positions![start + position] = position;
      starts![start + position] = start;
      ends![start + position] = start + length;
    }
    start += length;
  }
  return { rows, positions: positions!, starts: starts!, ends: ends! };
};

/** Number of (query, key) pairs that attention within these sequences looks at, a head. */
export const pairs = (lengths: ReadonlyArray<number>, window: number = Infinity): number =>
  lengths.reduce((sum, length) => {
    const full = Math.min(length, window);
    return sum + full * (full + 1) / 2 + (length - full) * full;
  }, 0);
