/** A prompt of the user's own in its two parts: what the task is about, and how the instruction is worded. @module */
import { withContext } from "../delia/diversify.ts";

/** A prompt in parts, and how parts are put together as it was. */
export interface PromptParts {
  readonly context: string;
  readonly phrasing: string;
  readonly join: (context: string, phrasing: string) => string;
}

// A phrasing that says where its context goes is obeyed; only others keep the layout of the prompt.
const placing = (join: PromptParts["join"]): PromptParts["join"] => (context, phrasing) =>
  phrasing.includes("{context}")
    ? withContext({ text: phrasing }, context)
    : join(context, phrasing);

/** An empty line, and blanks around it. */
const emptyLine = /(\n[^\S\n]*\n\s*)/;

/**
 * The paragraph of `text` that holds `token` is the phrasing, the others are the context. It has to be the
 * first paragraph or the last, and not the only one: undefined otherwise.
 */
export const splitPrompt = (text: string, token: string): PromptParts | undefined => {
  const pieces = text.split(emptyLine);
  const at = pieces.findLastIndex((piece) => piece.includes(token));
  const others = (from: number, to: number): string => pieces.slice(from, to).join("");
  const [before, after] = [others(0, Math.max(0, at - 1)), others(at + 2, pieces.length)];
  if (at < 0 || pieces[at]!.trim() === "") return undefined;
  const phrasing = pieces[at]!.trim();
  if (before.trim() !== "" && after.trim() === "") {
    const [lead, gap] = [/^\s*/.exec(before)![0], pieces[at - 1]!];
    const join = placing((own, asked) => lead + own + gap + asked);
    return { context: before.trim(), phrasing, join };
  }
  if (before.trim() === "" && after.trim() !== "") {
    const gap = pieces[at + 1]!;
    return { context: after.trim(), phrasing, join: placing((own, asked) => asked + gap + own) };
  }
  return undefined;
};

/** A phrasing with the token left out: what asks for the task and for no format. */
export const withoutToken = (phrasing: string, token: string): string =>
  phrasing.replaceAll(` ${token}`, "").replaceAll(token, "").trim();
