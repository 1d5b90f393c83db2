/** What a run trains on and tests with, for one seed, wherever it comes from. @module */
import type { Message } from "../data/chat.ts";
import type { Example } from "../data/example.ts";
import type { Query } from "../delia/self_sample.ts";
import type { Place } from "../evaluation/hidden_states.ts";
import type { RateName } from "./result.ts";

/** One prompt of a test. */
export interface TestPrompt {
  /** Turns up to and with the user's last. */
  readonly messages: ReadonlyArray<Message>;
  /** What the answer should be, for people. */
  readonly wanted: string;
  /**
   * What an answer is: `wanted` is the rate of the test, the others are metrics with their names behind
   * the test's (`exact` → `t1_held_out_phrasing_exact`).
   */
  readonly judge: (answer: string) => Judgement;
}

/** See {@linkcode TestPrompt}. */
export type Judgement = Readonly<Record<string, boolean>> & { readonly wanted: boolean };

/** Prompts by the rate that they give; not all data have all. */
export type PromptSets = { readonly [K in RateName]?: ReadonlyArray<TestPrompt> };

/** Test sets, and prompts with the new token in a slot for comparing hidden states there. */
export interface RunTests {
  readonly sets: PromptSets;
  readonly slots: ReadonlyArray<Place>;
}

/** The data of one seed. */
export interface RunData {
  readonly downstream: {
    /** Each instruction in one of many phrasings. */
    readonly diversified: ReadonlyArray<Example>;
    /** The same tasks, always in the first phrasing; undefined where the phrasings are not known. */
    readonly one?: ReadonlyArray<Example>;
    /** The same tasks in the phrasings of the tests. */
    readonly leaked?: ReadonlyArray<Example>;
  };
  /** Questions that the base answers itself, or examples that are diverse data already. */
  readonly diverse: ReadonlyArray<Query> | { readonly examples: ReadonlyArray<Example> };
  /** Undefined for data of the user's own: nothing says what is right. */
  readonly tests?: RunTests;
  /** What was done with files of the user's own, a sentence each. */
  readonly notes?: ReadonlyArray<string>;
}
