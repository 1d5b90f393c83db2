/** This library as one of the compared: its public ops and its own training step. @module */
import { Effect, Exit, Scope } from "effect";
import { pack } from "../../src/data/batch.ts";
import { Gpu, type GpuError, type OpenGpu, type Pass, type Tensor } from "../../src/gpu/gpu.ts";
import { llama } from "../../src/models/llama.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import { randomWeights } from "../../src/models/random_weights.ts";
import { makeAdapter } from "../../src/nn/adapter.ts";
import { downloadParameters } from "../../src/nn/parameters.ts";
import { attention, attentionBackward } from "../../src/ops/attention.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { matmulNT } from "../../src/ops/matmul.ts";
import { rmsNorm } from "../../src/ops/rms_norm.ts";
import { wholeTable } from "../../src/ops/vocabulary_table.ts";
import { trainStep } from "../../src/training/step.ts";
import { makeStack, modules, type Stack, stepOptimizer, weightSeed } from "./llama_stack.ts";
import {
  type Attention,
  inputsOf,
  type LoraStep,
  normEps,
  type Operation,
  targetsOf,
} from "./operations.ts";
import type { Peer, Prepared } from "./peer.ts";

/** Outputs of a run: tensors by name, and how to read those that have another layout. */
type Outputs = Readonly<Record<string, Tensor>>;

/** What an op is, once its inputs are on the GPU. */
interface Recorded {
  readonly record: (pass: Pass) => Outputs;
  /** Brings downloaded outputs into the layout that the libraries share. */
  readonly arrange?: (
    downloaded: Readonly<Record<string, Float32Array>>,
  ) => Readonly<Record<string, Float32Array>>;
}

/** Ours, on `gpu`. */
export const delia = (gpu: OpenGpu, version: string): Peer => ({
  name: "delia",
  version,
  prepare: (operation) =>
    operation.kind === "lora_step" ? prepareStep(gpu, operation) : prepareOp(gpu, operation),
});

const prepareOp = async (
  gpu: OpenGpu,
  operation: Exclude<Operation, LoraStep>,
): Promise<Prepared> => {
  const lasting = Effect.runSync(Scope.make());
  const { record, arrange } = await Effect.runPromise(
    Scope.provide(recordedOf(gpu, operation), lasting),
  );
  let scope: Scope.Closeable | undefined;
  let outputs: Outputs = {};
  const close = (it: Scope.Closeable | undefined): void => {
    if (it) Effect.runSync(Scope.close(it, Exit.void));
  };
  return {
    run: async () => {
      close(scope);
      scope = Effect.runSync(Scope.make());
      outputs = await Effect.runPromise(Scope.provide(gpu.submit(record), scope));
    },
    wait: async () => {
      const first = Object.values(outputs)[0]!;
      await Effect.runPromise(gpu.download({ ...first, shape: [1] }));
    },
    outputs: async () => {
      const downloaded: Record<string, Float32Array> = {};
      for (const name in outputs) {
        downloaded[name] = await Effect.runPromise(gpu.download(outputs[name]!));
      }
      return arrange ? arrange(downloaded) : downloaded;
    },
    dispose: () => {
      close(scope);
      close(lasting);
    },
  };
};

const recordedOf = (
  gpu: OpenGpu,
  operation: Exclude<Operation, LoraStep>,
): Effect.Effect<Recorded, GpuError, Scope.Scope> =>
  Effect.gen(function* () {
    const inputs = inputsOf(operation);
    const upload = (name: string, ...shape: ReadonlyArray<number>) =>
      gpu.upload(inputs[name]!, shape);
    switch (operation.kind) {
      case "matmul": {
        const { rows, depth, cols } = operation;
        const [x, w] = [yield* upload("x", rows, depth), yield* upload("w", cols, depth)];
        return { record: (pass: Pass): Outputs => ({ y: matmulNT(pass, x, w) }) };
      }
      case "rms_norm": {
        const { rows, cols } = operation;
        const [x, gain] = [yield* upload("x", rows, cols), yield* upload("gain", cols)];
        return { record: (pass: Pass): Outputs => ({ y: rmsNorm(pass, x, gain, normEps).y }) };
      }
      case "cross_entropy": {
        const { rows, vocab, hidden: width } = operation;
        const hidden = yield* upload("hidden", rows, width);
        const head = wholeTable(yield* upload("head", vocab, width));
        const targets = yield* gpu.upload(targetsOf(operation), [rows]);
        return {
          record: (pass: Pass): Outputs => {
            const options = { scale: 1, gradient: true };
            const made = crossEntropy(pass, { hidden, head, targets }, options);
            return { losses: made.losses, dHidden: made.dHidden! };
          },
        };
      }
      case "attention":
      case "attention_gradient":
        return yield* recordedAttention(gpu, operation);
    }
  });

// Queries, keys and values lie side by side in one tensor; the rows of a sequence follow each other.
const recordedAttention = (
  gpu: OpenGpu,
  operation: Attention,
): Effect.Effect<Recorded, GpuError, Scope.Scope> =>
  Effect.gen(function* () {
    const { batch, heads, tokens, headDim } = operation;
    const [rows, width] = [batch * tokens, heads * headDim];
    const { q, k, v, dY: dYValues } = inputsOf(operation);
    const values = new Float32Array(3 * rows * width);
    for (let row = 0; row < rows; row++) {
      for (const [part, from] of [q!, k!, v!].entries()) {
        values.set(from.subarray(row * width, (row + 1) * width), (row * 3 + part) * width);
      }
    }
    const qkv = yield* gpu.upload(values, [rows, 3 * width]);
    const dY = yield* gpu.upload(dYValues!, [rows, width]);
    const startOf = (row: number) => row - row % tokens;
    const bounds = (end: number) => Uint32Array.from({ length: rows }, (_, i) => startOf(i) + end);
    const starts = yield* gpu.upload(bounds(0), [rows]);
    const ends = yield* gpu.upload(bounds(tokens), [rows]);
    const rule = { heads, kvHeads: heads, headDim };
    if (operation.kind === "attention") {
      const record = (pass: Pass): Outputs => ({ y: attention(pass, qkv, starts, rule).y });
      return { record };
    }
    return {
      record: (pass: Pass): Outputs => {
        const { y, logSumExp } = attention(pass, qkv, starts, rule);
        return {
          dQkv: attentionBackward(pass, { qkv, starts, ends, y, logSumExp, dY }, rule),
        };
      },
      arrange: ({ dQkv }) => {
        const part = (index: number) => {
          const cut = new Float32Array(rows * width);
          for (let row = 0; row < rows; row++) {
            const from = (row * 3 + index) * width;
            cut.set(dQkv!.subarray(from, from + width), row * width);
          }
          return cut;
        };
        return { dQ: part(0), dK: part(1), dV: part(2) };
      },
    };
  });

const prepareStep = async (gpu: OpenGpu, operation: LoraStep): Promise<Prepared> => {
  const stack = makeStack(operation);
  const scope = Effect.runSync(Scope.make());
  const run = <A, E>(effect: Effect.Effect<A, E, Gpu | Scope.Scope>): Promise<A> =>
    Effect.runPromise(
      effect.pipe(Effect.provideService(Gpu, gpu), (it) => Scope.provide(it, scope)),
    );
  const base = await run(
    loadDecoder(llama, stack.model, randomWeights(llama, stack.model, weightSeed)),
  );
  const lora = {
    rank: operation.rank,
    alpha: stack.scale * operation.rank,
    dropout: 0,
    rsLora: false,
    targetModules: [...modules],
  };
  const { decoder, parameters } = await run(makeAdapter(base, lora, 1, { saved: savedOf(stack) }));
  const ring = await run(gpu.allocate([2]));
  const batch = pack(
    stack.ids.map((ids) => ({ ids, supervised: ids.map((_, at) => at > 0) })),
  );
  const { learningRate, ...rest } = stepOptimizer;
  const optimizer = {
    ...{ ...rest, learningRate, warmupSteps: 0 },
    schedule: "constant_with_warmup",
  } as const;
  const options = { optimizer, seed: 1, accumulationSteps: 1, gradientCheckpointing: false };
  let step = 0;
  return {
    run: () =>
      run(trainStep({ decoder, parameters }, options, [batch], learningRate, step++, {
        ring,
        slot: 0,
      })),
    wait: async () => void await Effect.runPromise(gpu.download({ ...ring, shape: [1] })),
    outputs: async () => {
      const [loss = 0, norm = 0] = await Effect.runPromise(gpu.download(ring));
      // Where the parameters stand, AdamW's mean of their gradients: of the same names and places.
      const moments = await run(downloadParameters({
        ...parameters,
        arenas: parameters.arenas.map((arena) => ({ ...arena, value: arena.first! })),
        byName: new Map([...parameters.byName].map(([name, { value }]) => {
          const home = parameters.arenas.find((arena) => arena.value.buffer === value.buffer)!;
          return [name, { name, value: { ...value, buffer: home.first!.buffer } }];
        })),
      }));
      return {
        loss: Float32Array.of(loss / batch.lossWeight),
        norm: Float32Array.of(norm),
        ...Object.fromEntries([...moments].map(([name, value]) => [`first ${name}`, value])),
      };
    },
    dispose: () => Effect.runSync(Scope.close(scope, Exit.void)),
  };
};

/** Values of the adapter under our parameters' names: the A's of a fused linear are stacked. */
const savedOf = (stack: Stack): ReadonlyMap<string, Float32Array> =>
  new Map(
    stack.layers.flatMap(({ linears }, index) =>
      llama.linears(stack.model, index).flatMap(({ name, parts }) => {
        const own = parts.map(({ module }) => linears[module as keyof typeof linears]);
        const a = own.flatMap((linear) => [...linear.a]);
        return [
          [`${name}.a`, Float32Array.from(a)] as const,
          ...own.map(({ path, b }) => [`${path}.b`, b] as const),
        ];
      })
    ),
  );
