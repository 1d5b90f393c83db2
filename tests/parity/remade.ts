/** Goldens that are made anew, compared with the committed ones and with what we compute. @module */
import { Effect } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { platform } from "../../src/platform.ts";
import { openGolden, readGoldenFile } from "../models/golden.ts";
import {
  forwardOfAdapter,
  forwardOfBase,
  gradientsOfAdapter,
  gradientsOfBase,
  greedyOfAdapter,
  greedyOfBase,
  type MeasureGolden,
  stepsOfAdapter,
  stepsOfBase,
} from "../models/golden_measures.ts";
import { type Python, runPython } from "./python.ts";
import type { Row } from "./row.ts";

// Another processor adds in another order; 20 steps of AdamW carry that on. Anything else is exact.
const limits: Readonly<Record<string, number>> = {
  weights: 1e-6,
  base: 1e-5,
  "base.hidden": 1e-5,
  "base.gradient": 1e-4,
  rows: 1e-6,
  lora: 1e-5,
  "lora.hidden": 1e-5,
  "lora.gradient": 1e-4,
  "lora.final": 1e-3,
  inputs: 1e-5,
  steps: 1e-3,
};

/** Makes the goldens `names` in `folder` and compares them with the committed ones. */
export const remake = async (
  python: Python,
  names: ReadonlyArray<string>,
  folder: string,
): Promise<ReadonlyArray<Row>> => {
  await runPython(python, "make_goldens.py", ["--out", folder, ...names]);
  const errors: Readonly<Record<string, Readonly<Record<string, number>>>> = JSON.parse(
    await runPython(python, "compare.py", [folder, "--json"]),
  );
  return Object.entries(errors).flatMap(([name, groups]) =>
    Object.entries(groups).map(([group, error]) => ({
      name,
      measure: `remade → committed, ${group}`,
      error,
      limit: limits[group] ?? 0,
    }))
  );
};

const measuresOf = (name: string, root: URL): ReadonlyArray<readonly [string, MeasureGolden]> => {
  const { base } = readGoldenFile(name, root);
  return [
    ["base", forwardOfBase],
    ...base.gradients ? [["base", gradientsOfBase] as const] : [],
    ...base.steps ? [["base", stepsOfBase] as const] : [],
    ["base", greedyOfBase],
    ["adapter", forwardOfAdapter],
    ["adapter", gradientsOfAdapter],
    ["adapter", stepsOfAdapter],
    ["adapter", greedyOfAdapter],
  ];
};

/** Compares what we compute with the goldens `names` in `folder`: one row a kind of tensor. */
export const oursOnRemade = async (
  gpu: Gpu,
  names: ReadonlyArray<string>,
  folder: string,
): Promise<ReadonlyArray<Row>> => {
  const root = new URL(`file://${folder}/`);
  const rows = new Map<string, Row>();
  for (const name of names) {
    for (const [part, measure] of measuresOf(name, root)) {
      const program = Effect.flatMap(openGolden(name, root), measure).pipe(
        Effect.scoped,
        Effect.provide(platform),
        Effect.provideService(Gpu, gpu),
      );
      for (const { kind, error, limit } of await Effect.runPromise(program)) {
        const row = { name, measure: `ours → reference, ${part} ${kind}`, error, limit };
        const key = `${name} ${row.measure}`;
        const before = rows.get(key);
        if (!before || !(error <= before.error)) rows.set(key, row);
      }
    }
  }
  return [...rows.values()];
};
