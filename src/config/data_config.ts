/** Where examples come from: files, or the project's own miniature world. @module */
import { Schema } from "effect";
import { Count, orDefault, Text } from "./field.ts";

/** Settings of the data. */
export interface DataConfig {
  /**
   * Downstream chats, JSONL; where `sample` wrote them, the model's own words are the targets as far as they
   * serve (SDFT, arXiv 2402.13669). Absent: claim checks of the miniature world.
   */
  readonly downstream?: string;
  /** Diverse chats, JSONL. Absent: the base model samples them itself. */
  readonly diverse?: string;
  /** Instruction phrasings, one a line. Absent: the seeded grammar makes them. */
  readonly phrasings?: string;
  /** Words with translations for prompts, a tab between. Absent: estimated from the bitext. */
  readonly dictionary?: string;
  /** Chats of the downstream task to test on, JSONL; of experiments on data of one's own. */
  readonly test?: string;
  /** Text of a test prompt behind which its context begins, where the prompt lacks the new token. */
  readonly contextAfter?: string;
  /** Phrasings to test with, one a line. Absent: a fifth of the downstream file's own. */
  readonly heldOutPhrasings?: string;
  /** Questions that the base answers itself, chats in JSONL; in place of `diverse`. */
  readonly questions?: string;
  /** Facts about the new token for fact-based tuning, chats in JSONL. Absent: made from its format's keys. */
  readonly facts?: string;
  /** Sentence that forbids the format in tests of negation. Absent: `Do not use the <sep> format.` */
  readonly negation?: string;
  /**
   * Text put before every prompt of the downstream task, in training and in its own test (TELL, arXiv
   * 2404.00914); `task_anchor.ts` says which prompts carry it. Absent: none.
   */
  readonly anchor?: string;
  /** Downstream examples of the miniature world; of a file in experiments the first so many drawn. */
  readonly downstreamItems: number;
  /** Phrasings that the grammar makes. */
  readonly phrasingCount: number;
  /** Items of each test set; evaluation time grows with it. */
  readonly testItems: number;
  /** Tokens that an answer to a test may have. Absent: as many as a self-sample. */
  readonly answerTokens?: number;
}

/** Decodes and checks a {@linkcode DataConfig}. */
export const DataConfig: Schema.Codec<DataConfig, Partial<DataConfig>> = Schema.Struct({
  downstream: Schema.optionalKey(Text),
  diverse: Schema.optionalKey(Text),
  phrasings: Schema.optionalKey(Text),
  dictionary: Schema.optionalKey(Text),
  test: Schema.optionalKey(Text),
  contextAfter: Schema.optionalKey(Text),
  heldOutPhrasings: Schema.optionalKey(Text),
  questions: Schema.optionalKey(Text),
  facts: Schema.optionalKey(Text),
  negation: Schema.optionalKey(Text),
  anchor: Schema.optionalKey(Text),
  downstreamItems: orDefault(Count, 100),
  phrasingCount: orDefault(Count, 60),
  testItems: orDefault(Count, 200),
  answerTokens: Schema.optionalKey(Count),
});
