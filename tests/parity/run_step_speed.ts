/**
 * Times a LoRA step of ours and of PyTorch with PEFT on the same cores, in turns, and prints tokens a
 * second of both and the ratio: on the fixture's model as its preset trains it, and on a random model of
 * SmolLM2-135M's shape, ours once with a base in f32 and once in bf16, as its file is. Arguments:
 * `[--json] [--samples N] [fixture|smollm2|smollm2-bf16]`; Python is `DELIA_PYTHON`, else `python3`. The figures are added to `bench/results`. The losses of both are compared on the way; where they differ the command fails.
 * @module
 */
import { Effect } from "effect";
import { presets } from "../../src/config/presets.ts";
import { openGpu } from "../../src/gpu/gpu.ts";
import { randomBits } from "../../src/gpu/random.ts";
import { platform } from "../../src/platform.ts";
import { appendResults, thisPlace } from "../../bench/support/place.ts";
import { median } from "../../src/tuning/median.ts";
import { config as smollm2, writeModel } from "../support/smollm2_135m.ts";
import { findPython, NoPython, type Python } from "./python.ts";
import {
  startOurs,
  startPython,
  type StepJob,
  type StepSide,
  type StepsTaken,
} from "./step_speed.ts";

/** What is known of one model once it is measured. */
interface Compared {
  readonly model: string;
  readonly tokens: number;
  readonly samples: number;
  /** Tokens a second by the clock, and per CPU core-second. */
  readonly ours: Rates;
  readonly pytorch: Rates;
  /** Ours over PyTorch's, of each rate. */
  readonly ratio: Rates;
  /** Worst relative difference of a step's loss. */
  readonly lossError: number;
}

interface Rates {
  readonly perSecond: number;
  readonly perCoreSecond: number;
}

// Of PyTorch: a thread a core. Ours takes as many cores.
const threads = navigator.hardwareConcurrency;
const lossLimit = 1e-3;

const lora = presets["fixture"]!.lora!;

const jobOf = (
  model: string,
  folder: string,
  rank: number,
  [sequences, length, vocab]: readonly [number, number, number],
  storage: StepJob["storage"],
): StepJob => ({
  model,
  adapter: `${folder}/adapter`,
  rank,
  alpha: rank,
  modules: [...lora.targetModules!],
  ids: Array.from(
    { length: sequences },
    (_, row) => Array.from({ length }, (_, at) => 3 + randomBits(1, row, at) % (vocab - 3)),
  ),
  learning_rate: 1e-3,
  threads,
  storage,
});

const smollm2Job = (storage: StepJob["storage"]) => async (folder: string) => {
  await Effect.runPromise(Effect.provide(writeModel(folder), platform));
  return jobOf(folder, folder, 8, [2, 128, Number(smollm2["vocab_size"])], storage);
};

// 16 examples a step, as the preset has, each as long as the miniature world's; of the larger model
// two sequences of 128.
const fixtureJob = (storage: StepJob["storage"]) => (folder: string) =>
  Promise.resolve(jobOf("fixtures/base", folder, lora.rank!, [16, 32, 256], storage));

const jobs = {
  fixture: fixtureJob("f32"),
  "fixture-f16": fixtureJob("f16"),
  smollm2: smollm2Job("f32"),
  "smollm2-bf16": smollm2Job("bf16"),
} as const;

type JobName = keyof typeof jobs;

const warmSteps = 3;

const compare = async (python: Python, name: JobName, samples: number): Promise<Compared> => {
  const folder = await Deno.makeTempDir({ prefix: "delia_step_speed_" });
  const gpu = await openGpu();
  const open: StepSide[] = [];
  try {
    const job = await jobs[name](folder);
    await Deno.writeTextFile(`${folder}/job.json`, JSON.stringify(job));
    const theirs = await startPython(python, `${folder}/job.json`);
    open.push(theirs);
    const ours = await startOurs(gpu, job);
    open.push(ours);
    const tokens = job.ids.flat().length;
    const losses: [number, number][] = [];
    const take = async (steps: number) => {
      const [own, other] = [await ours.take(steps), await theirs.take(steps)];
      losses.push(...own.losses.map((loss, i): [number, number] => [loss, other.losses[i]!]));
      return [own, other] as const;
    };
    const warm = await take(warmSteps);
    // About half a second a sample; short steps would measure the wait at its end.
    const slowest = Math.max(...warm.map(({ seconds }) => seconds / warmSteps));
    const steps = Math.max(1, Math.min(16, Math.round(0.5 / slowest)));
    const taken: (readonly [StepsTaken, StepsTaken])[] = [];
    for (let sample = 0; sample < samples; sample++) taken.push(await take(steps));
    const rates = (side: 0 | 1): Rates => ({
      perSecond: tokens * steps / median(taken.map((both) => both[side].seconds)),
      perCoreSecond: tokens * steps / median(taken.map((both) => both[side].cpu)),
    });
    const [own, other] = [rates(0), rates(1)];
    return {
      ...{ model: name, tokens, samples, ours: own, pytorch: other },
      ratio: {
        perSecond: own.perSecond / other.perSecond,
        perCoreSecond: own.perCoreSecond / other.perCoreSecond,
      },
      lossError: Math.max(...losses.map(([own, other]) => Math.abs(own - other) / other)),
    };
  } finally {
    for (const side of open) await side.close();
    await Effect.runPromise(gpu.finish);
    gpu.close();
    await Deno.remove(folder, { recursive: true });
  }
};

const shown = ({ model, tokens, ours, pytorch, ratio, lossError }: Compared): string => {
  const line = (unit: string, rate: keyof Rates) =>
    `  ${ours[rate].toPrecision(3)} tokens per ${unit}, PyTorch ${pytorch[rate].toPrecision(3)}: ` +
    `${ratio[rate].toPrecision(3)}×`;
  return [
    `${model}, ${tokens} tokens a step, losses within ${lossError.toExponential(1)}`,
    line("second", "perSecond"),
    line("core-second", "perCoreSecond"),
  ].join("\n");
};

const round = (value: number): number => Number(value.toPrecision(4));

/** Lines of a results file, without the place. */
const linesOf = (
  { model, ours, pytorch, samples }: Compared,
  { versions }: Python,
): ReadonlyArray<object> =>
  ([
    ["delia", ours],
    [`torch ${versions["torch"]}, peft ${versions["peft"]}`, pytorch],
  ] as const).map(([name, rates]) => ({
    runtime: `Deno/${Deno.version.deno} ${Deno.build.target}`,
    group: `parity step ${model}, ${threads} threads`,
    ...{ name, runs: samples },
    tokens_s: round(rates.perSecond),
    tokens_core_s: round(rates.perCoreSecond),
  }));

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const rest = args.filter((arg) => arg !== "--json");
  const at = rest.indexOf("--samples");
  const samples = at < 0 ? 7 : Number(rest.splice(at, 2)[1]);
  if (!(Number.isInteger(samples) && samples > 0)) {
    console.error("Expected --samples to be a whole number above 0");
    return 1;
  }
  const unknown = rest.find((name) => !Object.hasOwn(jobs, name));
  if (unknown !== undefined) {
    console.error(`Expected a model of ${Object.keys(jobs).join(", ")} but found ${unknown}`);
    return 1;
  }
  const names = (rest.length > 0 ? rest : Object.keys(jobs)) as ReadonlyArray<JobName>;
  const python = await findPython();
  const place = await thisPlace();
  const compared: Compared[] = [];
  for (const name of names) {
    const one = await compare(python, name, samples);
    console.error(shown(one));
    compared.push(one);
    await appendResults(place, linesOf(one, python).map((line) => ({ ...place, ...line })));
  }
  if (args.includes("--json")) {
    console.log(JSON.stringify({ versions: python.versions, threads, results: compared }));
  }
  const wrong = compared.filter(({ lossError }) => !(lossError <= lossLimit));
  for (const { model, lossError } of wrong) {
    console.error(`${model}: expected losses within ${lossLimit} but found ${lossError}`);
  }
  return wrong.length > 0 ? 1 : 0;
};

if (import.meta.main) {
  Deno.exit(
    await main(Deno.args).catch((cause: unknown) => {
      if (!(cause instanceof NoPython)) throw cause;
      console.error(cause.message);
      return 1;
    }),
  );
}
