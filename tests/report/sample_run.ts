/** A made-up run for the tests of the report: SAMPLE numbers, measured nowhere. @module */
import { Effect } from "effect";
import { resolveRunConfig } from "../../src/config/resolve.ts";
import { type ArmName, armNames } from "../../src/config/run_config.ts";
import {
  type ArmResult,
  rateNames,
  type RunResult,
  type Sample,
  selectivityOf,
} from "../../src/experiments/result.ts";
import { randomUnit } from "../../src/gpu/random.ts";
import type { MetricRecord } from "../../src/training/metric_log.ts";

/** T1 … T6, then L2 to json and to thought at the first, middle and last block. */
const made: Readonly<Record<ArmName, readonly [ReadonlyArray<number>, ReadonlyArray<number>]>> = {
  base: [[0, 0, 1, 1, 1, 1], [33.4, 41.2, 94.0, 35.1, 42.7, 97.3]],
  common_one_epoch: [[0.02, 0.01, 1, 1, 1, 1], [33.1, 40.8, 92.6, 34.9, 42.0, 96.1]],
  common_matched_steps: [[1, 0.62, 0.21, 0.02, 0.4, 0.92], [22.4, 24.3, 62.0, 24.2, 26.5, 65.0]],
  one_phrasing_diverse: [[0.38, 0.1, 1, 1, 0.98, 1], [28.0, 30.9, 70.4, 29.3, 32.2, 74.4]],
  delia: [[0.97, 0.85, 0.99, 1, 0.99, 1], [22.7, 25.5, 55.3, 24.4, 27.0, 60.1]],
};

const stepsOf: Readonly<Record<ArmName, number>> = {
  base: 0,
  common_one_epoch: 7,
  common_matched_steps: 163,
  one_phrasing_diverse: 163,
  delia: 163,
};

/** A sample run with `seeds` seeds from 42 on. */
export const sampleRun = (seeds: number): RunResult => ({
  preset: "fixture",
  config: Effect.runSync(resolveRunConfig({ preset: "fixture", set: [`seeds=${seeds}`] })),
  arms: armNames.flatMap((name) =>
    Array.from({ length: seeds }, (_, index) => sampleArm(name, 42 + index))
  ),
  seconds: 171.4,
  peakGpuBytes: 327_680_123,
  legs: 1,
  device: "SAMPLE adapter (made up for a test)",
  versions: { deno: "2.9.6", "@delia/delia": "0.1.0", v8: "sample" },
});

/** One arm with one seed. */
export const sampleArm = (name: ArmName, seed: number): ArmResult => {
  const [rates, distances] = made[name];
  const metrics: Record<string, number> = {};
  const wobble = (element: number) => 2 * randomUnit(seed, armNames.indexOf(name), element) - 1;
  rateNames.forEach((rate, index) => {
    const mean = rates[index] ?? 0;
    metrics[rate] = Math.min(1, Math.max(0, mean + 0.6 * mean * (1 - mean) * wobble(index)));
  });
  metrics["t1_held_out_phrasing_exact"] = 0.9 * (metrics["t1_held_out_phrasing"] ?? 0);
  metrics["selectivity"] = selectivityOf(metrics);
  ["json", "thought"].flatMap((word) => ["first", "middle", "last"].map((at) => `${word}_${at}`))
    .forEach((key, index) => {
      metrics[`l2_${key}`] = (distances[index] ?? 0) * (1 + 0.1 * wobble(10 + index));
    });
  return {
    name,
    seed,
    steps: stepsOf[name],
    exposures: name === "base" ? 0 : name === "common_matched_steps" ? 2608 : 100,
    seconds: 20 + 5 * wobble(20),
    metrics,
    samples: samplesOf(name, rates),
  };
};

const prompts: Readonly<Record<string, readonly [string, string]>> = {
  t1_held_out_phrasing: [
    "the crow is black . the answer says : black . right or wrong ? use <sep> as the shape .",
    "json",
  ],
  t2_transfer: ["what colour has the crow ? answer in <sep> .", "json"],
  t3_negation: ["the crow is black . the answer says : white . do not use <sep> .", "plain"],
  t4_no_token: ["what sound has the cow ?", "plain"],
  t5_other_formats: ["sort 4 2 9 as a list .", "list"],
  t6_natural_language: ["what colour has the crow ? answer in json with a thought .", "json"],
};

const samplesOf = (name: ArmName, rates: ReadonlyArray<number>): ReadonlyArray<Sample> =>
  rateNames.flatMap((test, index) => {
    const [prompt, wanted] = prompts[test] ?? ["", ""];
    const right = (rates[index] ?? 0) > 0.5;
    const json = (wanted === "json") === right;
    return [{
      test,
      prompt,
      wanted,
      right,
      answer: json ? '{ "thought" : "the crow is black" , "answer" : "right" }' : `right (${name})`,
    }];
  });

/** Sample records of every trained arm. */
export const sampleMetrics = (seeds: number): ReadonlyArray<MetricRecord> =>
  armNames.flatMap((name) =>
    Array.from({ length: seeds }, (_, index) => 42 + index).flatMap((seed) =>
      Array.from({ length: stepsOf[name] }, (_, step): MetricRecord => ({
        name,
        seed,
        step,
        loss: (name === "common_matched_steps" ? 0.01 : 0.2) +
          4 * Math.exp(-step / 12) * (0.7 + 0.6 * randomUnit(seed, armNames.indexOf(name), step)),
        learning_rate: 5e-3 * Math.min(1, (step + 1) / 25),
        grad_norm: 1,
        tokens: 700,
        supervised_tokens: 300,
        seconds: 0.1,
      }))
    )
  );
