/** The recipes that `train` compares: each differs from DELIA by one value or two. @module */
import type { ArmName } from "../config/run_config.ts";
import type { Recipe } from "./recipe.ts";

/** A recipe of `train`. */
export interface Arm extends Recipe {
  readonly name: ArmName;
}

const delia: Arm = {
  name: "delia",
  label: "DELIA",
  phrasings: "diversified",
  stages: [{ data: "mixed", length: "epoch" }],
};

/** Every arm that is trained; `base` is not. */
export const arms: ReadonlyArray<Arm> = [
  {
    ...delia,
    name: "common_one_epoch",
    label: "common one epoch",
    stages: [{ data: "downstream", length: "epoch" }],
  },
  {
    ...delia,
    name: "common_matched_steps",
    label: "common matched steps",
    stages: [{ data: "downstream", length: "matched_steps" }],
  },
  { ...delia, name: "one_phrasing_diverse", label: "one phrasing + diverse", phrasings: "one" },
  delia,
];
