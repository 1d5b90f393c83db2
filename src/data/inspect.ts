/** An example printed for a reader: its tokens, the supervised ones marked. @module */
import type { Example } from "./example.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** How {@linkcode inspectExample} prints. */
export interface InspectOptions {
  /** Mark with colour (ANSI) instead of brackets; `false` unless told. */
  readonly color?: boolean;
}

const GREEN = "\x1b[32m";
const RESET = "\x1b[0m";

/**
 * One line: every token as the vocabulary spells it, supervised tokens as `[token]` (or green),
 * line breaks written as `\n`, and how many tokens are supervised.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { type Example, inspectExample, type Tokenizer } from "@delia/delia/data";
 *
 * const show = (tokenizer: Tokenizer, example: Example) => inspectExample(tokenizer, example);
 * // <s> <user> what is red <assistant> [the] [format] [</s>]   (3 of 9 tokens supervised)
 * assert(typeof show === "function");
 * ```
 */
export const inspectExample = (
  tokenizer: Pick<Tokenizer, "tokenOf">,
  { ids, supervised }: Example,
  { color = false }: InspectOptions = {},
): string => {
  const tokens = ids.map((id, i) => {
    const token = visible(tokenizer.tokenOf(id) ?? `#${id}`);
    if (supervised[i] !== true) return token;
    return color ? `${GREEN}${token}${RESET}` : `[${token}]`;
  });
  const labels = supervised.filter((label) => label).length;
  return `${tokens.join(" ")}   (${labels} of ${ids.length} tokens supervised)`;
};

const visible = (token: string): string =>
  // deno-lint-ignore no-control-regex
  token.replace(/[\x00-\x1f\x7f]/g, (char) => JSON.stringify(char).slice(1, -1));
