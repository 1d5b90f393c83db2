/**
 * Moves the test of a loop from its head to its end.
 *
 * Mesa's software driver computes many threads at once and leaves a loop only at its end: where the test
 * stands at the head, the pass in which it fails for all threads computes the whole body once more
 * and drops it. A loop of four turns takes as long as five.
 *
 * @module
 */

const head = /(?<![\w.])(for|while)\s*\(/g;

/**
 * `source` with each `for (init; test; step) { body }` as `init; if (test) { loop { body … break if !(test) } }`,
 * and `while` likewise: the same turns. Comments are left out. Throws on a loop that is not closed.
 */
export const withInvertedLoops = (source: string): string =>
  inverted(source.replace(/\/\/.*$/gm, ""));

const inverted = (text: string): string => {
  let out = "";
  let from = 0;
  for (const { 0: start, 1: keyword, index } of text.matchAll(head)) {
    if (index < from) continue;
    const headEnd = closing(text, index + start.length, "(", ")");
    const bodyStart = text.indexOf("{", headEnd) + 1;
    const bodyEnd = closing(text, bodyStart, "{", "}");
    const parts = text.slice(index + start.length, headEnd).split(";");
    const [init = "", test = "", step = ""] = keyword === "for" ? parts : ["", ...parts];
    const statement = (part: string): string => part.trim() && `${part.trim()};`;
    const body = inverted(text.slice(bodyStart, bodyEnd));
    out += text.slice(from, index);
    out += test.trim() === ""
      ? `${text.slice(index, bodyStart)}${body}}` // only its body ends it
      : `{ ${statement(init)} if (${test.trim()}) { loop { {${body}} ` +
        `continuing { ${statement(step)} break if !(${test.trim()}); } } } }`;
    from = bodyEnd + 1;
  }
  return out + text.slice(from);
};

// Where the bracket closes behind which `open` stands.
const closing = (text: string, open: number, left: string, right: string): number => {
  let depth = 1;
  for (let at = open; at < text.length; at++) {
    if (text[at] === left) depth++;
    else if (text[at] === right && --depth === 0) return at;
  }
  throw new Error(`withInvertedLoops: a loop is open after "${text.slice(open - 20, open)}"`);
};
