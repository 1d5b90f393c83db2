/** PEFT's `rank_pattern` and `alpha_pattern`: values for the modules whose names match. @module */

/**
 * The value of the first pattern that matches `path` from its start or from behind a dot, to its end,
 * as PEFT 0.21.2 looks it up (`get_pattern_key`); undefined where none does.
 */
export const matchPattern = (
  patterns: Readonly<Record<string, number>>,
  path: string,
): number | undefined =>
  Object.entries(patterns).find(([pattern]) => new RegExp(`^(?:.*\\.)?(?:${pattern})$`).test(path))
    ?.[1];

/** Whether a pattern means the same here as in Python, and can be matched in little time. */
export const isPattern = (pattern: string): boolean => {
  // A group that repeats may take exponential time; flags and named groups are Python's own.
  if (/\)[*+{]|\(\?[^:=!]/.test(pattern)) return false;
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
};
