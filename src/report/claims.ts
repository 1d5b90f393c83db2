/** Which of the paper's claims a run shows, as sentences computed from its numbers. @module */
import type { ArmName } from "../config/run_config.ts";
import type { Finding } from "../experiments/experiment.ts";
import { formatNumber, missing } from "./columns.ts";
import { paperRows } from "./paper_numbers.ts";
import { armLabels, type ArmSummary } from "./summary.ts";

/** One claim and what the run says about it. */
export interface Claim {
  readonly topic: string;
  /** undefined: the run lacks the arms or numbers to tell. */
  readonly holds: boolean | undefined;
  readonly text: string;
}

/** The claims about `arms`, on their means over the seeds; `token` is the trained token. */
export const claimsOf = (arms: ReadonlyArray<ArmSummary>, token: string): ReadonlyArray<Claim> => {
  const mean: Mean = (name, metric) => arms.find((arm) => arm.name === name)?.metrics[metric]?.mean;
  return [phrasing(mean), selectivity(mean, token), distance(mean, token)];
};

/** `holds`, `does not hold` or `cannot be told`. */
export const verdict = ({ holds }: Claim): Finding["verdict"] =>
  holds === undefined ? "cannot be told" : holds ? "holds" : "does not hold";

type Mean = (name: ArmName, metric: string) => number | undefined;

const phrasing = (mean: Mean): Claim => {
  const topic = "Held-out phrasings (T1)";
  const metric = "t1_held_out_phrasing";
  const others = ["common_one_epoch", "one_phrasing_diverse"] as const;
  const delia = mean("delia", metric);
  const rest = others.map((name) => mean(name, metric));
  const holds = above(delia, rest);
  const list = (read: Mean): string =>
    (["delia", ...others] as const)
      .map((name) => `${armLabels[name]} ${formatNumber("rate", read(name, metric))}`)
      .join(", ");
  const order = holds === undefined
    ? "too few arms to compare"
    : holds
    ? "DELIA is highest, as in the paper"
    : "DELIA is not highest, unlike in the paper";
  const quoted = list((name, key) => paperRows[name]?.metrics[key]);
  const text = `${list(mean)}: ${order} (${quoted}).${beside(mean, metric, "rate")}`;
  return { topic, holds, text };
};

const selectivity = (mean: Mean, token: string): Claim => {
  const topic = "Nothing else touched (T3, T4)";
  const of = (name: ArmName) => ({
    negation: mean(name, "t3_negation"),
    without: mean(name, "t4_no_token"),
  });
  const [delia, common] = [of("delia"), of("common_matched_steps")];
  const negation = above(delia.negation, [common.negation]);
  const without = above(delia.without, [common.without]);
  const holds = negation === undefined || without === undefined ? undefined : negation && without;
  const pair = ({ negation, without }: typeof delia): string =>
    `${formatNumber("rate", negation)} and ${formatNumber("rate", without)}`;
  const end = holds === undefined
    ? "too few arms to compare"
    : holds
    ? "DELIA leaks less in both"
    : negation || without
    ? "DELIA leaks less in one of the two"
    : "DELIA leaks no less";
  return {
    topic,
    holds,
    text: `Where ${token} is negated or absent, DELIA stays plain in ${pair(delia)}, ` +
      `${armLabels.common_matched_steps} in ${pair(common)}: ${end}.`,
  };
};

/** The most of the base's distance that DELIA may keep and still lie near; the paper's keeps 1 %. */
const near = 0.5;

// Being the nearest of arms that all lie far away is not what the paper shows.
const distance = (mean: Mean, token: string): Claim => {
  const topic = "Nearness in the hidden states (L2)";
  const metric = "l2_json_first";
  const names = ["delia", "common_one_epoch", "base"] as const;
  const list = (read: Mean): string =>
    names
      .map((name) => `${armLabels[name]} ${formatNumber("distance", read(name, metric))}`)
      .join(", ");
  const nearness: Mean = (name, key) => negated(mean(name, key));
  const delia = nearness("delia", metric);
  const nearest = above(delia, [nearness("common_one_epoch", metric), nearness("base", metric)]);
  const untied = above(delia, [nearness("common_matched_steps", metric)]);
  const kept = share(mean, metric);
  const end = nearest === undefined
    ? "too few numbers to compare"
    : nearest
    ? "DELIA is nearest of these, as in the paper"
    : "DELIA is not nearest, unlike in the paper";
  const quoted: Mean = (name, key) => paperRows[name]?.metrics[key];
  const left = kept === undefined ? "" : ` Of the base's distance DELIA keeps ${percent(kept)} ` +
    `(the paper's ${percent(share(quoted, metric))}); up to ${percent(near)} counts as near.`;
  return {
    topic,
    holds: nearest === undefined || untied === undefined || kept === undefined
      ? undefined
      : nearest && untied && kept <= near,
    text: `${token} to "json" at the first block: ${list(mean)}: ${end} (${list(quoted)}).` +
      beside(mean, metric, "distance") + left +
      " Reported whatever it does; nothing depends on it.",
  };
};

/** How the control of as many steps compares with DELIA, as a sentence; empty where one is missing. */
const beside = (mean: Mean, metric: string, kind: "rate" | "distance"): string => {
  const [delia, control] = [mean("delia", metric), mean("common_matched_steps", metric)];
  if (delia === undefined || control === undefined) return "";
  const [own, other] = [formatNumber(kind, delia), formatNumber(kind, control)];
  const better = kind === "rate" ? "above" : "nearer than";
  const wins = kind === "rate" ? delia > control : delia < control;
  const order = wins ? `DELIA is ${better} it` : `it is ${better} DELIA`;
  return ` The control that the paper lacks, ${armLabels.common_matched_steps}, has ${other}: ${
    own === other ? "no difference" : order
  }.`;
};

/** DELIA's part of the base's number. */
const share = (mean: Mean, metric: string): number | undefined => {
  const [delia, base] = [mean("delia", metric), mean("base", metric)];
  return delia === undefined || base === undefined ? undefined : delia / base;
};

const percent = (part: number | undefined): string =>
  part === undefined ? missing : `${(100 * part).toFixed(0)} %`;

/** Is `value` above each of `others`; undefined where one is missing. */
const above = (
  value: number | undefined,
  others: ReadonlyArray<number | undefined>,
): boolean | undefined => {
  if (value === undefined) return undefined;
  let all = true;
  for (const other of others) {
    if (other === undefined) return undefined;
    all &&= value > other;
  }
  return all;
};

const negated = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : -value;
