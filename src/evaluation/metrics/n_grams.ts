/** Words, characters and their n-grams as Python sees them, for metrics that sacreBLEU defined. @module */

/** What Python's `str.split()` splits at; JavaScript's `\s` has U+FEFF too and lacks U+001C–1F and U+0085. */
// deno-lint-ignore no-control-regex
const pythonSpace = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** The words between spaces. */
export const wordsOf = (text: string): ReadonlyArray<string> =>
  text.split(pythonSpace).filter((word) => word !== "");

/** `text` without spaces at its end. */
export const trimEnd = (text: string): string => {
  let end = text.length;
  while (end > 0 && pythonSpace.test(text[end - 1]!)) end--;
  return text.slice(0, end);
};

/** The code points, spaces left out. */
export const charactersOf = (text: string): ReadonlyArray<string> =>
  Array.from(wordsOf(text).join(""));

/** How often each n-gram of `units` occurs, joined by `joint`, which no unit may hold. */
export const countNGrams = (
  units: ReadonlyArray<string>,
  n: number,
  joint: "" | " ",
): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= units.length; i++) {
    let gram = units[i]!;
    for (let k = 1; k < n; k++) gram += joint + units[i + k]!;
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
};

/** How many n-grams of one count are in the other, each at most as often as there. */
export const sharedNGrams = (
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
): number => {
  let shared = 0;
  for (const [gram, count] of a) shared += Math.min(count, b.get(gram) ?? 0);
  return shared;
};
