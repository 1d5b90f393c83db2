/** The paper's own numbers, for quoting beside the arms that correspond. @module */
import type { ArmName } from "../config/run_config.ts";

/** One row of the paper's tables. */
export interface PaperRow {
  /** What the paper calls it. */
  readonly name: string;
  /**
   * By our metric names. The paper's accuracy (share of answers in the wanted format, held-out
   * phrasings) is our T1.
   */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Rows of "DELIA" (arXiv 2408.10841) by the arm they correspond to.
 *
 * T1: accuracy of formatted text generation with 100 downstream examples, Table 2.
 * L2: Table 1, first, middle and last block of Llama-2-7B.
 */
export const paperRows: Readonly<Record<ArmName, PaperRow | undefined>> = {
  base: {
    name: "original",
    metrics: {
      t1_held_out_phrasing: 0.348, // Table 2, original model; Table 4, "w/o all"
      // Table 1, random initialisation: an untrained row, which is what our base has
      l2_json_first: 382.5,
      l2_json_middle: 388.0,
      l2_json_last: 203.5,
      l2_thought_first: 382.3,
      l2_thought_middle: 388.1,
      l2_thought_last: 202.1,
    },
  },
  common_one_epoch: {
    name: "common tuning",
    metrics: {
      t1_held_out_phrasing: 0.599, // Table 2, n = 100; Table 4, "w/o diverse"
      l2_json_first: 336.3, // Table 1, common instruction tuning
      l2_json_middle: 341.9,
      l2_json_last: 182.3,
      l2_thought_first: 337.5,
      l2_thought_middle: 343.4,
      l2_thought_last: 183.0,
    },
  },
  common_matched_steps: undefined, // ours: as many steps as DELIA; the paper has no such row
  one_phrasing_diverse: {
    name: "w/o diversified",
    // Table 4. Its one L2 is oneL2OfOnePhrasing below; Table 1 has no such row
    metrics: { t1_held_out_phrasing: 0.074 },
  },
  delia: {
    name: "DELIA",
    metrics: {
      t1_held_out_phrasing: 0.960, // Table 2, n = 100; Table 4, "all"
      l2_json_first: 3.2, // Table 1, DELIA
      l2_json_middle: 15.6,
      l2_json_last: 46.1,
      l2_thought_first: 6.2,
      l2_thought_middle: 14.4,
      l2_thought_last: 47.7,
    },
  },
};

/**
 * Table 4, "w/o diversified": the mean of both words at the middle block, as its neighbours show
 * (342.7 there is the mean of 341.9 and 343.4 in Table 1).
 */
export const oneL2OfOnePhrasing = 200.2;

/** What has to stand wherever these numbers are shown. */
export const paperCaveat: string =
  "paper (Llama-2-7B scale, other model and data): not comparable in magnitude";

/** Where the rows come from and which of them need a word. */
export const paperNotes: ReadonlyArray<string> = [
  "Quoted from arXiv 2408.10841, Tables 1, 2 and 4, with 100 downstream examples; its accuracy " +
  "stands under T1.",
  `The base's L2 row is the paper's random initialisation; "w/o diversified" has one L2 only, ` +
  `${oneL2OfOnePhrasing} (middle block, mean of both words).`,
  '"common matched steps" has no counterpart in the paper.',
];
