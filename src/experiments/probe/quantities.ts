/** What a probe reports of the gradients at one step: numbers by name. @module */
import {
  cancellation,
  cosine,
  expectedCosine,
  type Gram,
  joinGrams,
  meanNorm,
  type Mix,
  norm,
  projection,
  rmsCancellation,
  sharedShare,
} from "./gram.ts";
import { newRows, type Region } from "./gradient_regions.ts";
import type { ProbeGroup } from "./probe_data.ts";

/** Which vectors of the Gram matrices are of which group; `moved` is how far the weights are from where they began. */
export type Members = Readonly<Record<ProbeGroup | "moved", ReadonlyArray<number>>>;

/** Numbers of micro-batches whose mean is taken. */
export const cancellationCounts: ReadonlyArray<number> = [1, 2, 4, 8, 16];

/** The recipes whose expected gradients are held against the ideal one. */
export const comparedMixes = ["delia", "common", "one_diverse", "one"] as const;

/** Name of a quantity in one region; `cos_task_diverse/q_proj`. */
export const inRegion = (quantity: string, region: string): string => `${quantity}/${region}`;

/** Everything by name: the whole gradient, then modules, layers, each module of each layer, the new rows. */
export const quantitiesOf = (
  regions: ReadonlyArray<Region>,
  grams: ReadonlyArray<Gram>,
  members: Members,
  taskShare: number,
): Readonly<Record<string, number>> => {
  const together = (holds: (region: Region) => boolean): Gram =>
    joinGrams(grams.filter((_, i) => holds(regions[i]!)));
  const named = new Map<string, Gram>();
  for (const module of new Set(regions.map(({ module }) => module))) {
    named.set(module, together((region) => region.module === module));
  }
  for (const layer of new Set(regions.map(({ layer }) => layer))) {
    if (layer === undefined) continue;
    named.set(`layer_${layer}`, together((region) => region.layer === layer));
  }
  const mixes = mixesOf(members, taskShare);
  const numbers: Record<string, number> = overall(together(() => true), members, mixes);
  for (const [name, gram] of named) {
    for (const [quantity, value] of Object.entries(local(gram, members, mixes))) {
      numbers[inRegion(quantity, name)] = value;
    }
  }
  for (const [i, { module, layer }] of regions.entries()) {
    if (layer === undefined || module === newRows) continue;
    const cos = cosine(grams[i]!, mixes.task, mixes.diverse);
    numbers[inRegion("cos_task_diverse", `layer_${layer}.${module}`)] = cos;
  }
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => Number.isFinite(value)));
};

type Mixes = Readonly<Record<keyof Members | typeof comparedMixes[number], Mix>>;

// What a recipe's gradient is in the mean: its kinds of data in proportion to their labels.
const mixesOf = (members: Members, taskShare: number): Mixes => {
  const of = (group: keyof Members, weight = 1): Mix => [{ weight, members: members[group] }];
  const dilute = (group: "task" | "one"): Mix => [
    ...of(group, taskShare),
    ...of("diverse", 1 - taskShare),
  ];
  return {
    task: of("task"),
    one: of("one"),
    diverse: of("diverse"),
    near: of("near"),
    far: of("far"),
    ideal: of("ideal"),
    moved: of("moved"),
    delia: dilute("task"),
    common: of("task"),
    one_diverse: dilute("one"),
  };
};

// A group without members gives NaN, and is left out.
const overall = (gram: Gram, members: Members, mixes: Mixes): Record<string, number> => {
  const { task, ideal, moved } = mixes;
  const toTask = (group: ProbeGroup) => projection(gram, mixes[group], task);
  const toIdeal = (name: keyof Mixes) => cosine(gram, mixes[name], ideal);
  const expected = (name: keyof Mixes) => expectedCosine(gram, mixes[name], ideal);
  const descent = (name: keyof Mixes) => projection(gram, ideal, mixes[name]);
  return {
    ...local(gram, members, mixes),
    norm_near: meanNorm(gram, members.near),
    norm_far: meanNorm(gram, members.far),
    norm_ideal: meanNorm(gram, members.ideal),
    norm_moved: norm(gram, moved),
    cos_task_near: cosine(gram, task, mixes.near),
    cos_task_far: cosine(gram, task, mixes.far),
    projection_diverse: toTask("diverse"),
    projection_near: toTask("near"),
    projection_far: toTask("far"),
    near_minus_far: toTask("near") - toTask("far"),
    pull_back_diverse: projection(gram, mixes.diverse, moved),
    pull_back_near: projection(gram, mixes.near, moved),
    pull_back_far: projection(gram, mixes.far, moved),
    near_minus_far_back: projection(gram, mixes.near, moved) - projection(gram, mixes.far, moved),
    ...Object.fromEntries(
      (["diverse", "task"] as const).flatMap((group) => [
        [`shared_${group}`, sharedShare(gram, members[group])] as const,
        ...cancellationCounts.flatMap((count) => [
          [`cancellation_${group}_${count}`, cancellation(gram, members[group], count)] as const,
          [`rms_${group}_${count}`, rmsCancellation(gram, members[group], count)] as const,
        ]),
      ]),
    ),
    cos_one_diverse_ideal: toIdeal("one_diverse"),
    cos_one_ideal: toIdeal("one"),
    ...Object.fromEntries(
      comparedMixes.flatMap((name) => [
        [`expected_${name}_ideal`, expected(name)],
        [`descent_${name}`, descent(name)],
      ]),
    ),
    gain: toIdeal("delia") - toIdeal("common"),
    expected_gain: expected("delia") - expected("common"),
    descent_gain: descent("delia") - descent("common"),
  };
};

const local = (gram: Gram, members: Members, mixes: Mixes): Record<string, number> => ({
  norm_task: meanNorm(gram, members.task),
  norm_diverse: meanNorm(gram, members.diverse),
  cos_task_diverse: cosine(gram, mixes.task, mixes.diverse),
  cos_delia_ideal: cosine(gram, mixes.delia, mixes.ideal),
  cos_common_ideal: cosine(gram, mixes.common, mixes.ideal),
});
