/**
 * Leaves marked parts of a kernel out.
 *
 * A part stands between a line `//: name` and the next line `//: end`. A kernel with all its parts is valid
 * WGSL, and so it is without any of them.
 *
 * @module
 */

/** `source` without its parts called `names`; the bindings that are left are numbered anew, in order. */
export const withoutParts = (source: string, names: ReadonlyArray<string>): string => {
  const left = names.reduce((text, name) => text.replace(partsOf(name), ""), source);
  let binding = 0;
  return left.replace(/@binding\(\d+\)/g, () => `@binding(${binding++})`);
};

const partsOf = (name: string): RegExp =>
  new RegExp(`^ *//: ${name}\\n(?:.*\\n)*? *//: end\\n`, "gm");
