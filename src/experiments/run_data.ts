/** What a run trains on and tests with, for one seed, wherever it comes from. @module */
import type { TestSets } from "../../fixtures/world/test_sets.ts";
import type { Example } from "../data/example.ts";
import type { Query } from "../delia/self_sample.ts";
import type { Place } from "../evaluation/hidden_states.ts";

/** Test sets, and prompts with the new token in a slot for comparing hidden states there. */
export interface RunTests {
  readonly sets: TestSets;
  readonly slots: ReadonlyArray<Place>;
}

/** The data of one seed. */
export interface RunData {
  readonly downstream: {
    /** Each instruction in one of many phrasings. */
    readonly diversified: ReadonlyArray<Example>;
    /** The same tasks, always in the first phrasing; undefined where the phrasings are not known. */
    readonly one?: ReadonlyArray<Example>;
  };
  /** Questions that the base answers itself, or examples that are diverse data already. */
  readonly diverse: ReadonlyArray<Query> | { readonly examples: ReadonlyArray<Example> };
  /** Undefined for data of the user's own: nothing says what is right. */
  readonly tests?: RunTests;
}
