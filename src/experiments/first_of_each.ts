/** One record a training, whatever its folder went through. @module */

/** What says which training, and which step of it, a record is of. */
export interface TrainingRecord {
  readonly seed: number;
  readonly name?: string;
  readonly recipe?: string;
  readonly step?: number;
}

/**
 * The first of those `records` that are of the same training, or of the same step of one. Two runs that
 * wrote to one folder at a time, where nothing could be locked, leave each training twice, with the same
 * numbers.
 */
export const firstOfEach = <Record extends TrainingRecord>(
  records: ReadonlyArray<Record>,
): ReadonlyArray<Record> => {
  const seen = new Set<string>();
  return records.filter(({ name, recipe, seed, step }) => {
    const key = JSON.stringify([name, recipe, seed, step]);
    return !seen.has(key) && seen.add(key);
  });
};
