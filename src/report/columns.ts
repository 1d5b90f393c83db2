/** The columns of the result table, and how their numbers are written. @module */
import { type RateName, rateNames } from "../experiments/result.ts";

/** One metric in the table. */
export interface Column {
  /** Its name in `metrics`. */
  readonly metric: string;
  /** Head of the column. */
  readonly title: string;
  /** Decimals follow from it. */
  readonly kind: "rate" | "selectivity" | "distance";
}

/** Columns that share a heading. */
export interface ColumnGroup {
  readonly title: string;
  readonly columns: ReadonlyArray<Column>;
}

/** What each rate counts; 1 is the wanted behaviour. */
export const rateMeanings: Readonly<Record<RateName, string>> = {
  t1_held_out_phrasing: "held-out phrasing: JSON asked for by the token in words never trained on",
  t2_transfer: "transfer: the token asks for JSON in other tasks",
  t3_negation: "negation: told not to, the answer stays plain",
  t4_no_token: "no token: without it the answer stays plain (1 is no leak)",
  t5_other_formats: "other formats are kept",
  t6_natural_language: "natural language asks for JSON (upper bound)",
};

/** T1 … T6. */
export const rateTitle = (rate: RateName): string => `T${rateNames.indexOf(rate) + 1}`;

/** What selectivity adds up. */
export const selectivityMeaning = "T1 + T2 − (1 − T3) − (1 − T4), in [−2, 2]";

/** The rates and their sum. */
export const rateColumns: ColumnGroup = {
  title: "rates (1: as wanted)",
  columns: [
    ...rateNames.map((metric): Column => ({ metric, title: rateTitle(metric), kind: "rate" })),
    { metric: "selectivity", title: "select.", kind: "selectivity" },
  ],
};

/** Distances of the token to the words, one group a word. */
export const distanceColumns: ReadonlyArray<ColumnGroup> = ["json", "thought"].map((word) => ({
  title: `L2 to ${word}`,
  columns: ["first", "middle", "last"].map((block): Column => ({
    metric: `l2_${word}_${block}`,
    title: block === "middle" ? "mid" : block,
    kind: "distance",
  })),
}));

/** What stands where a number is missing. */
export const missing = "–";

/** `value` as its column shows it. */
export const formatNumber = (kind: Column["kind"] | "count", value: number | undefined): string => {
  if (value === undefined || !Number.isFinite(value)) return missing;
  switch (kind) {
    case "rate":
      return value.toFixed(3);
    case "selectivity":
      return value.toFixed(2);
    case "distance":
      return value.toFixed(value < 1 ? 2 : value < 10_000 ? 1 : 0);
    case "count":
      return Number.isInteger(value) ? String(value) : value.toFixed(1);
  }
};

/** `1 step`, `33 steps`. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes for people: `1.5 KiB`, `312 MiB`. */
export const formatBytes = (bytes: number): string => {
  const power = Math.min(byteUnits.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  const value = bytes / 1024 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${byteUnits[power]}`;
};

/** Seconds for people: `2 min 51 s`. */
export const formatSeconds = (seconds: number): string => {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
};
