/** Follows the gradients of a training: at some steps, on its weights as they are then. @module */
import { Effect } from "effect";
import type { RunConfig } from "../../config/run_config.ts";
import type { PackedBatch } from "../../data/batch.ts";
import type { Gpu, GpuError } from "../../gpu/gpu.ts";
import type { Adapter } from "../../nn/adapter.ts";
import type { CurvePoint } from "../experiment.ts";
import type { Trained } from "../train_recipe.ts";
import { gramsOf } from "./gram.ts";
import { regionsOf } from "./gradient_regions.ts";
import { gradientsOf, valuesOf } from "./measure_gradients.ts";
import type { ProbeData, ProbeGroup } from "./probe_data.ts";
import { type Members, quantitiesOf } from "./quantities.ts";

/** Measures at some steps, and what has been measured. */
export interface Probe {
  /** Measures where a step is one of those wanted. */
  readonly watch: (done: Trained) => Effect.Effect<void, GpuError, Gpu>;
  /** Measures now, unless that has been done. */
  readonly measure: (done: Trained) => Effect.Effect<void, GpuError, Gpu>;
  /** Every quantity by step, and at the start, the end and in the mean of the steps. */
  readonly read: () => {
    readonly curves: Readonly<Record<string, ReadonlyArray<CurvePoint>>>;
    readonly metrics: Readonly<Record<string, number>>;
  };
}

/** How to probe. */
export interface ProbeOptions {
  readonly config: Pick<RunConfig, "mixing" | "training">;
  /** Of the dropout masks. */
  readonly seed: number;
  /** Measure after so many optimizer steps, then after twice as many, each time again; and before the first. */
  readonly first: number;
}

const groups: ReadonlyArray<ProbeGroup> = ["task", "one", "diverse", "near", "far", "ideal"];

/**
 * A probe of `adapter`. Its training goes on as if there were none. All gradients of a measurement
 * are in host memory at once: some fifty times the adapter's size.
 */
export const makeProbe = (
  adapter: Adapter,
  data: ProbeData,
  { config, seed, first }: ProbeOptions,
): Probe => {
  const trainee = { decoder: adapter.decoder, adapter, parameters: adapter.parameters };
  const { gradientCheckpointing } = config.training;
  const regions = regionsOf(adapter);
  const batches = groups.flatMap((group) => data[group]);
  const members = membersOf(data);
  const share = taskShare(data, config.mixing.diverseRatio);
  const curves: Record<string, CurvePoint[]> = {};
  const measured = new Set<number>();
  let begun: Float32Array | undefined;
  const measure: Probe["measure"] = ({ steps, exposures }) =>
    Effect.gen(function* () {
      if (measured.has(steps)) return;
      measured.add(steps);
      const values = yield* valuesOf(trainee);
      begun ??= values;
      const moved = values.map((value, i) => value - begun![i]!);
      const found = yield* gradientsOf(trainee, batches, { seed, gradientCheckpointing });
      const grams = gramsOf(
        [...found.map(({ gradient }) => gradient), moved],
        regions.map(({ stretches }) => stretches),
      );
      const lossOf = (group: ProbeGroup): number => mean(members[group].map((i) => found[i]!.loss));
      const numbers = {
        ...Object.fromEntries(
          groups.filter((group) => members[group].length > 0)
            .map((group) => [`loss_${group}`, lossOf(group)]),
        ),
        ...quantitiesOf(regions, grams, members, share),
      };
      for (const [name, value] of Object.entries(numbers)) {
        (curves[name] ??= []).push({ step: steps, exposures, value });
      }
    });
  return {
    measure,
    watch: (done) => isProbed(done.steps, first) ? measure(done) : Effect.void,
    read: () => ({ curves, metrics: summarized(curves, Math.max(...measured)) }),
  };
};

// 0, first, 2 · first, 4 · first, …
const isProbed = (steps: number, first: number): boolean =>
  steps === 0 || steps >= first && Number.isInteger(Math.log2(steps / first));

// In the order of `groups`, the weights' own way last.
const membersOf = (data: ProbeData): Members => {
  const of = (group: ProbeGroup): ReadonlyArray<number> => {
    const before = groups.slice(0, groups.indexOf(group));
    const first = sum(before.map((group) => data[group].length));
    return data[group].map((_, i) => first + i);
  };
  return {
    ...{ task: of("task"), one: of("one"), diverse: of("diverse") },
    ...{ near: of("near"), far: of("far"), ideal: of("ideal") },
    moved: [sum(groups.map((group) => data[group].length))],
  };
};

// Of all labels of the mix: a loss is a mean over labels.
const taskShare = ({ task, diverse }: ProbeData, ratio: number): number => {
  const [ofTask, ofDiverse] = [labels(task), ratio * labels(diverse)];
  return ofTask / (ofTask + ofDiverse);
};

const labels = (batches: ReadonlyArray<PackedBatch>): number =>
  sum(batches.map(({ supervisedTokens }) => supervisedTokens)) /
  Math.max(1, sum(batches.map(({ sequences }) => sequences)));

const summarized = (
  curves: Readonly<Record<string, ReadonlyArray<CurvePoint>>>,
  last: number,
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(curves).flatMap(([name, points]) => [
      ...points.filter(({ step }) => step === 0).map(({ value }) => [`${name}@start`, value]),
      ...points.filter(({ step }) => step === last).map(({ value }) => [`${name}@end`, value]),
      [`${name}@mean`, mean(points.map(({ value }) => value))],
    ]),
  );

const sum = (values: ReadonlyArray<number>): number =>
  values.reduce((total, value) => total + value, 0);

const mean = (values: ReadonlyArray<number>): number => sum(values) / values.length;
