/** Contexts that a prompt may be put into. @module */
import type { Turns } from "./answering.ts";

/** What is said beside a prompt. */
export type PromptContext =
  | { readonly _tag: "Nothing" }
  /** A system message; where there is one already, more of it. */
  | { readonly _tag: "System"; readonly text: string }
  /** A sentence at the end of the user's last message. */
  | { readonly _tag: "Clause"; readonly text: string };

/** Contexts that name the wanted format, and plain text, in words that the base knows. */
export interface FormatContexts {
  readonly wanted: PromptContext;
  readonly plain: PromptContext;
}

/** Puts `turns` into a context. */
export const putInto = (context: PromptContext, turns: Turns): Turns => {
  switch (context._tag) {
    case "Nothing":
      return turns;
    case "System": {
      const [first, ...rest] = turns;
      return first?.role === "system"
        ? [{ role: "system", content: `${first.content} ${context.text}` }, ...rest]
        : [{ role: "system", content: context.text }, ...turns];
    }
    case "Clause": {
      const { role, content } = turns.at(-1)!;
      return [...turns.slice(0, -1), { role, content: `${content} ${context.text}` }];
    }
  }
};
