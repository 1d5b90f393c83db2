/** Our side of the training step that is timed beside PyTorch's, and the line to theirs. @module */
import process from "node:process";
import { TextLineStream } from "@std/streams";
import { Effect, Exit, Scope } from "effect";
import { pack } from "../../src/data/batch.ts";
import { Gpu, type OpenGpu } from "../../src/gpu/gpu.ts";
import { loadModel } from "../../src/models/load_model.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { importAdapter } from "../../src/nn/adapter_files.ts";
import { planOfStored } from "../../src/nn/adapter_plan.ts";
import { platform } from "../../src/platform.ts";
import { trainStep } from "../../src/training/step.ts";
import { readAdapter } from "../../src/weights/read_adapter.ts";
import type { Python } from "./python.ts";

/** What both sides train; the Python side reads it as JSON. */
export interface StepJob {
  /** Directory of the base. */
  readonly model: string;
  /** Folder where PEFT saves the adapter that both start from. */
  readonly adapter: string;
  readonly rank: number;
  readonly alpha: number;
  readonly modules: ReadonlyArray<string>;
  /** Sequences of one length: nobody pads. Every token but the first is a label. */
  readonly ids: ReadonlyArray<ReadonlyArray<number>>;
  readonly learning_rate: number;
  readonly threads: number;
  /** How our base is stored; PyTorch's is f32. */
  readonly storage: "f32" | "f16" | "bf16";
}

/** What some steps took. */
export interface StepsTaken {
  readonly seconds: number;
  /** CPU seconds of the process. */
  readonly cpu: number;
  /** Before each step, in nats a token. */
  readonly losses: ReadonlyArray<number>;
}

/** A side that takes steps when asked. */
export interface StepSide {
  readonly take: (steps: number) => Promise<StepsTaken>;
  readonly close: () => Promise<void>;
}

/** Starts PyTorch on the job in `file`; its adapter lies in the job's folder once this returns. */
export const startPython = async (python: Python, file: string): Promise<StepSide> => {
  const script = new URL("./step_speed.py", import.meta.url).pathname;
  const child = new Deno.Command(python.command, {
    args: [script, file],
    // Threads that wait by spinning lose a core each to whoever else runs: measured, 6 times slower.
    env: { OMP_WAIT_POLICY: "PASSIVE" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaints = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const input = child.stdin.getWriter();
  const answer = async (): Promise<unknown> => {
    const { value } = await lines.read();
    if (value === undefined) throw new Error(`${script} ended\n${await complaints}`);
    return JSON.parse(value);
  };
  await answer();
  return {
    take: async (steps) => {
      await input.write(new TextEncoder().encode(`${steps}\n`));
      return await answer() as StepsTaken;
    },
    close: async () => {
      await input.close();
      await child.status;
    },
  };
};

/** Loads the same base and adapter here. */
export const startOurs = async (gpu: OpenGpu, job: StepJob): Promise<StepSide> => {
  const scope = Effect.runSync(Scope.make());
  const run = <A, E>(effect: Effect.Effect<A, E, Gpu | Scope.Scope>): Promise<A> =>
    Effect.runPromise(
      effect.pipe(Effect.provideService(Gpu, gpu), Effect.provideService(Scope.Scope, scope)),
    );
  const batch = pack(job.ids.map((ids) => ({ ids, supervised: ids.map((_, at) => at > 0) })));
  const adapter = await run(
    Effect.gen(function* () {
      const positions = job.ids[0]!.length;
      const { storage } = job;
      const { subject } = yield* loadModel(job.model, undefined, { storage, positions });
      const stored = yield* readAdapter(job.adapter);
      const { rank, alpha, modules: targetModules } = job;
      const options = { rank, alpha, dropout: 0, rsLora: false, targetModules };
      return yield* makeAdapter(subject.decoder, options, 0, {
        plan: planOfStored(stored),
        saved: importAdapter(subject.decoder, stored),
      });
    }).pipe(Effect.provide(platform)),
  );
  const options = {
    optimizer: {
      learningRate: job.learning_rate,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.01,
      clipNorm: 1,
      warmupSteps: 0,
      schedule: "constant_with_warmup",
    },
    seed: 0,
    accumulationSteps: 1,
    gradientCheckpointing: false,
  } as const;
  let step = 0;
  return {
    take: async (steps) => {
      const ring = await run(gpu.allocate([2 * steps]));
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      for (let slot = 0; slot < steps; slot++) {
        const record = { ring, slot };
        await run(trainStep(adapter, options, [batch], job.learning_rate, step++, record));
      }
      const sums = await run(gpu.download(ring));
      const { user, system } = process.cpuUsage(cpu);
      return {
        seconds: (performance.now() - start) / 1000,
        cpu: (user + system) / 1e6,
        losses: Array.from({ length: steps }, (_, i) => sums[2 * i]! / batch.lossWeight),
      };
    },
    close: () => Effect.runPromise(Scope.close(scope, Exit.void)),
  };
};
