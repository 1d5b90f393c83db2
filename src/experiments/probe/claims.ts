/** What the paper claims of gradients, and what a probe found. @module */
import { differenceOf, estimateOf, recordsOf } from "../estimates.ts";
import type { Finding, RecipeRecord } from "../experiment.ts";
import type { Estimate } from "../presentation.ts";
import { newRows } from "./gradient_regions.ts";
import { cancellationCounts, inRegion } from "./quantities.ts";

type Records = ReadonlyArray<RecipeRecord>;

/** Seeds below which an interval over them says nothing. */
const leastSeeds = 3;

/** The mean of K gradients may be so many times as long as that of K independent ones. */
const cancelBound = 1.5;

/** The claims in the order of the paper's argument. */
export const probeClaims = (records: Records): ReadonlyArray<Finding> => [
  cancels(records, "Gradients of the base's own answers cancel out on the base", "delia", "start"),
  cancels(records, "They still do at the end of DELIA", "delia", "end"),
  cancels(records, "They still do at the end of common tuning", "common_matched_steps", "end"),
  tell(records, {
    claim: "Near diverse data counteract the task's gradient more than far ones",
    found: estimateOf(records, "delia", "near_minus_far@mean"),
    side: "below",
    text: "Projection on the task's gradient, near minus far, mean over DELIA's steps: " +
      `{}; before tuning ${shown(estimateOf(records, "delia", "near_minus_far@start"))}, ` +
      `after it ${
        shown(estimateOf(records, "delia", "near_minus_far@end"))
      }, after common tuning ` +
      `${shown(estimateOf(records, "common_matched_steps", "near_minus_far@end"))}.`,
  }),
  tell(records, {
    claim: "Near diverse data lead common tuning back more than far ones",
    found: estimateOf(records, "common_matched_steps", "near_minus_far_back@mean"),
    side: "above",
    text: "Length along the way gone, near minus far, mean over its steps: {}; after it " +
      `${shown(estimateOf(records, "common_matched_steps", "near_minus_far_back@end"))}.`,
  }),
  tell(records, {
    claim: "Diverse gradients lead common tuning back to where it came from",
    found: estimateOf(records, "common_matched_steps", "pull_back_diverse@mean"),
    side: "above",
    text: "Length of the mean diverse gradient along the way gone, mean over its steps: {}; in " +
      `DELIA ${shown(estimateOf(records, "delia", "pull_back_diverse@mean"))}.`,
  }),
  nearer(records, "On DELIA's weights", "delia"),
  nearer(records, "On common tuning's weights", "common_matched_steps"),
  tell(records, {
    claim: "Along its own training, DELIA's gradient is nearer to the ideal than common tuning's",
    found: ownWays(records, "cos_{}_ideal@mean"),
    side: "above",
    text:
      "Difference of the cosines, each mean over its own steps: {}; of what a step of length 1 " +
      `takes off the ideal loss: ${shown(ownWays(records, "descent_{}@mean"))} nats.`,
  }),
  untouched(records),
];

const cancels = (
  records: Records,
  claim: string,
  recipe: string,
  moment: "start" | "end",
): Finding => {
  const found = cancellationCounts.toReversed().flatMap((count) => {
    const ratio = estimateOf(records, recipe, `rms_diverse_${count}@${moment}`);
    return ratio ? [{ count, ratio }] : [];
  })[0];
  const shared = shown(estimateOf(records, recipe, `shared_diverse@${moment}`));
  const [ofDiverse, ofTask] = ["diverse", "task"].map((group) =>
    estimateOf(records, recipe, `norm_${group}@${moment}`)?.value.toPrecision(2)
  );
  const excess = found && scaled(found.ratio, Math.sqrt(found.count));
  return tell(records, {
    claim,
    found: excess,
    side: "below",
    bound: cancelBound,
    text: `The mean of ${found?.count} gradients is {} times as long as if they had nothing in ` +
      `common; it holds below ${cancelBound}. ${shared} of a gradient's length is common to all. ` +
      `Their mean norm is ${ofDiverse}, that of the task's gradients ${ofTask}.`,
  });
};

const nearer = (records: Records, where: string, recipe: string): Finding => {
  const of = (metric: string): string => shown(estimateOf(records, recipe, metric));
  return tell(records, {
    claim: `${where}, DELIA's gradient is nearer to the ideal than common tuning's`,
    found: estimateOf(records, recipe, "gain@mean"),
    side: "above",
    text: `Difference of the cosines, mean over the steps: {}; without sampling noise ${
      of("expected_gain@mean")
    }; of what a step of length 1 takes off the ideal loss: ${of("descent_gain@mean")} nats.`,
  });
};

// `{}` in the metric stands for each recipe's own gradient.
const ownWays = (records: Records, metric: string): Estimate | undefined =>
  differenceOf(
    records.map((record) => {
      const own =
        record.metrics[metric.replace("{}", record.recipe === "delia" ? "delia" : "common")];
      return { ...record, metrics: own === undefined ? {} : { own } };
    }),
    ["delia", "common_matched_steps"],
    "own",
  );

// No sampling is in it: diverse data never hold the token.
const untouched = (records: Records): Finding => {
  const claim = "Diverse data leave the new token's row alone";
  const norms = records.flatMap(({ curves }) =>
    (curves[inRegion("norm_diverse", newRows)] ?? []).map(({ value }) => value)
  );
  if (norms.length === 0) return { claim, verdict: "cannot be told", text: "No row is trained." };
  const largest = Math.max(...norms);
  return {
    claim,
    verdict: largest === 0 ? "holds" : "does not hold",
    text: `Largest norm of their gradient on the row, over all steps and seeds: ${largest}.`,
  };
};

const tell = (
  records: Records,
  { claim, found, side, bound = 0, text }: {
    readonly claim: string;
    readonly found: Estimate | undefined;
    readonly side: "above" | "below";
    readonly bound?: number;
    /** `{}` stands for the estimate. */
    readonly text: string;
  },
): Finding => {
  if (!found) {
    return { claim, verdict: "cannot be told", text: "The run did not measure what it is about." };
  }
  const { value, low = value, high = value } = found;
  const [above, below] = [low > bound, high < bound];
  const [holds, fails] = side === "above" ? [above, below] : [below, above];
  const seeds = Math.min(
    ...[...new Set(records.map(({ recipe }) => recipe))].map((recipe) =>
      recordsOf(records, recipe).length
    ),
  );
  const enough = seeds >= leastSeeds;
  return {
    claim,
    verdict: enough && holds ? "holds" : enough && fails ? "does not hold" : "cannot be told",
    text: text.replace("{}", shown(found)) +
      (enough ? "" : ` ${leastSeeds} seeds at least are needed to tell; there are ${seeds}.`),
  };
};

const scaled = ({ value, low = value, high = value }: Estimate, factor: number): Estimate => ({
  value: factor * value,
  low: factor * low,
  high: factor * high,
});

const shown = (found: Estimate | undefined): string => {
  if (!found) return "unknown";
  const { value, low = value, high = value } = found;
  const [middle, from, to] = [value, low, high].map((number) => number.toPrecision(2));
  return from === to ? middle! : `${middle} [${from}, ${to}]`;
};
