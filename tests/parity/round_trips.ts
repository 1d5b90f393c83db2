/** Adapters and merged models that go between PEFT and us through files, compared by their logits. @module */
import { Effect, type FileSystem, type Path } from "effect";
import { Gpu } from "../../src/gpu/gpu.ts";
import { platform } from "../../src/platform.ts";
import { describeBase } from "../../src/weights/adapter_base.ts";
import { writeAdapter } from "../../src/weights/write_adapter.ts";
import { committed, openGolden } from "../models/golden.ts";
import { trainedGolden } from "../models/golden_measures.ts";
import { worst } from "../support/numbers.ts";
import { type Python, runProgram, runPython } from "./python.ts";
import type { Row } from "./row.ts";

type Logits = ReadonlyArray<ReadonlyArray<number>>;

/** A model, perhaps with an adapter on it, and the tokens it runs on. */
interface Job {
  readonly model: string;
  readonly adapter: string | null;
  readonly ids: ReadonlyArray<number>;
}

/** A job with what the reference computes. */
interface Case extends Job {
  readonly name: string;
  readonly variant: string;
  readonly logits: Logits;
}

const limit = 1e-4;

const delia = (...args: ReadonlyArray<string>): Promise<string> =>
  runProgram(Deno.execPath(), [
    ...["run", "--allow-read", "--allow-write", "--allow-env", "--allow-sys=uid,gid"],
    ...["src/main.ts", ...args],
  ]);

/** What our command line computes. */
const ourLogits = async ({ model, adapter, ids }: Job): Promise<Logits> => {
  const more = adapter === null ? [] : ["--adapter", adapter];
  const args = ["--model", model, ...more, "--ids", ids.join(","), "--logits", "--json"];
  return JSON.parse(await delia("inspect", ...args)).logits;
};

/** What transformers and PEFT compute. */
const theirLogits = async (
  python: Python,
  folder: string,
  jobs: ReadonlyArray<Job>,
): Promise<ReadonlyArray<Logits>> => {
  await Deno.writeTextFile(`${folder}/jobs.json`, JSON.stringify(jobs));
  await runPython(python, "round_trips.py", [
    "logits",
    `${folder}/jobs.json`,
    `${folder}/logits.json`,
  ]);
  return JSON.parse(await Deno.readTextFile(`${folder}/logits.json`));
};

/** Our logits of `job` against `theirs`; where we fail, the message is shown and nothing holds. */
const compared = async (
  name: string,
  measure: string,
  job: Job,
  theirs: Logits,
): Promise<Row> => {
  const ours = await ourLogits(job).catch((cause: Error) => {
    console.error(cause.message);
    return [];
  });
  return { name, measure, error: worst(ours.flat(), theirs.flat()), limit };
};

/** PEFT → ours: adapters that PEFT saved, read by us. */
export const adaptersOfPeft = async (
  python: Python,
  names: ReadonlyArray<string>,
  folder: string,
): Promise<ReadonlyArray<Row>> => {
  await runPython(python, "round_trips.py", ["make", folder, ...names]);
  const cases: ReadonlyArray<Case> = JSON.parse(await Deno.readTextFile(`${folder}/cases.json`));
  const rows: Row[] = [];
  for (const { name, variant, logits, ...job } of cases) {
    rows.push(await compared(name, `PEFT → ours, ${variant}`, job, logits));
  }
  return rows;
};

/** Trains the golden's adapter for its steps and writes it to `folder`. */
const writeTrained = (
  name: string,
  folder: string,
): Effect.Effect<ReadonlyArray<number>, unknown, Gpu | FileSystem.FileSystem | Path.Path> =>
  Effect.scoped(Effect.gen(function* () {
    const golden = yield* openGolden(name);
    const { stored } = yield* trainedGolden(golden);
    const base = yield* describeBase(`${committed.pathname}${name}`, golden.shape.vocab);
    yield* writeAdapter(folder, { ...stored, base });
    return golden.lora.sequences[1]!.ids;
  }));

/** Ours → PEFT, and ours → merged → transformers: an adapter that we trained. */
export const adaptersOfOurs = async (
  gpu: Gpu,
  python: Python,
  names: ReadonlyArray<string>,
  folder: string,
): Promise<ReadonlyArray<Row>> => {
  const jobs: Job[] = [];
  for (const name of names) {
    const [model, adapter] = [`${committed.pathname}${name}`, `${folder}/${name}/ours`];
    await Deno.mkdir(adapter, { recursive: true });
    const ids = await Effect.runPromise(
      writeTrained(name, adapter).pipe(Effect.provide(platform), Effect.provideService(Gpu, gpu)),
    );
    const merged = `${folder}/${name}/merged`;
    await delia("merge", "--model", model, "--adapter", adapter, "--out", merged);
    jobs.push({ model, adapter, ids }, { model: merged, adapter: null, ids });
  }
  const theirs = await theirLogits(python, folder, jobs);
  const rows: Row[] = [];
  for (const [at, name] of names.entries()) {
    const job = jobs[2 * at]!;
    rows.push(await compared(name, "ours → PEFT", job, theirs[2 * at]!));
    rows.push(await compared(name, "ours → merged → transformers", job, theirs[2 * at + 1]!));
  }
  return rows;
};
