/** Tests on data of the user's own: the same contexts asked in four ways, judged by the parser. @module */
import { type AnswerFormat, formatVerdict } from "../evaluation/metrics/formatted_text.ts";
import { type PromptParts, withoutToken } from "./prompt_parts.ts";
import type { Judgement, PromptSets, TestPrompt } from "./run_data.ts";
import { withAnchor } from "./task_anchor.ts";

/** A context to test with. */
export interface OwnTest {
  readonly context: string;
  readonly answer: string;
  readonly gold: string;
  /** The prompt as it is in the file, where it does not hold the token. */
  readonly own?: string;
}

/** How contexts are asked for. */
export interface OwnTesting {
  readonly token: string;
  /** Sentence that forbids the format. */
  readonly negation?: string;
  /** Text before the prompts of T1. */
  readonly anchor?: string;
  /** Puts context and phrasing together. */
  readonly layout: Pick<PromptParts, "join">;
  /** Phrasings, taken in turn. */
  readonly testing: ReadonlyArray<string>;
  readonly format: AnswerFormat;
}

/**
 * T1 in the phrasings, T3 with the format forbidden, T4 with the token left out, and T6 as the file asks
 * where it does so in words.
 */
export const ownTests = (
  items: ReadonlyArray<OwnTest>,
  { token, negation, anchor, layout, testing, format }: OwnTesting,
): PromptSets => {
  const keys = format.keys.join(", ");
  const forbid = negation ?? `Do not use the ${token} format.`;
  const set = (
    wanted: boolean,
    promptOf: (item: OwnTest, phrasing: string) => string | undefined,
  ): ReadonlyArray<TestPrompt> =>
    items.flatMap((item, index): ReadonlyArray<TestPrompt> => {
      const content = promptOf(item, testing[index % testing.length]!);
      return content === undefined ? [] : [{
        messages: [{ role: "user", content }],
        wanted: wanted ? `an object with ${keys}` : "no object",
        judge: (answer) => judged(answer, item.gold, format, wanted),
      }];
    });
  const plain = (phrasing: string): string => withoutToken(phrasing, token);
  const named = set(true, ({ own }) => own);
  return {
    t1_held_out_phrasing: set(
      true,
      ({ context }, phrasing) => withAnchor(layout.join(context, phrasing), anchor),
    ),
    t3_negation: set(
      false,
      ({ context }, phrasing) => layout.join(context, `${plain(phrasing)} ${forbid}`),
    ),
    t4_no_token: set(false, ({ context }, phrasing) => layout.join(context, plain(phrasing))),
    ...named.length > 0 ? { t6_natural_language: named } : {},
  };
};

const judged = (answer: string, gold: string, format: AnswerFormat, wanted: boolean): Judgement => {
  const { rawJson, parsable, schema, correct } = formatVerdict({ answer, gold }, format);
  return wanted ? { wanted: parsable, raw_json: rawJson, schema, correct } : { wanted: !parsable };
};
