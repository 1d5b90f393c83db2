/** Records dispatches with plain function calls; nothing runs until the pass is submitted. @module */
import type { BufferPool } from "./buffer_pool.ts";
import type { AdapterFacts } from "./device.ts";
import { GpuError } from "./gpu_error.ts";
import type { Kernel } from "./kernel.ts";
import { type Pipeline, type Pipelines, uniformWindow } from "./pipelines.ts";
import { type Dtype, sizeOf, type Tensor } from "./tensor.ts";

/** What an op records into. */
export interface Pass {
  readonly adapter: AdapterFacts;
  /** Scratch from the pool, not zeroed; it returns to the pool when the submission's scope closes. */
  tensor(shape: ReadonlyArray<number>, dtype?: Dtype): Tensor;
  /** Gives scratch of this pass back early: commands run in order, so later ones may reuse it. */
  release(...tensors: ReadonlyArray<Tensor>): void;
  /** Runs `kernel` after everything recorded before. Throws {@linkcode GpuError} on a wrong shape. */
  dispatch<B extends string, P extends string>(
    kernel: Kernel<B, P>,
    params: Readonly<Record<P, number>>,
    tensors: Readonly<Record<B, Tensor>>,
  ): void;
}

/** One recorded dispatch. */
export interface Command {
  readonly kernel: string;
  readonly pipeline: Pipeline;
  readonly tensors: ReadonlyArray<Tensor>;
  readonly grid: readonly [number, number, number];
}

/** A pass with its recording, for the one who submits it. */
export interface RecordedPass extends Pass {
  readonly commands: ReadonlyArray<Command>;
  /** Uniform blocks, {@linkcode uniformWindow} bytes a command. */
  readonly uniforms: () => Uint8Array<ArrayBuffer>;
  /** Gives back what was released while it was recorded: for when its commands are submitted. */
  readonly submitted: () => void;
  /** Gives back all scratch. */
  readonly releaseAll: () => void;
}

const same = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((length, axis) => length === b[axis]);

// More workgroups than one grid axis holds are folded into two.
const fold = (
  count: number | readonly [number, number, number],
  kernel: string,
  limit: number,
): readonly [number, number, number] => {
  const grid = typeof count === "number"
    ? count <= limit ? [count, 1, 1] as const : [limit, Math.ceil(count / limit), 1] as const
    : count;
  const longest = Math.max(...grid);
  if (longest > limit) {
    throw new GpuError({
      reason: {
        _tag: "LimitExceeded",
        what: `The grid [${grid}] of ${kernel}`,
        limit: "maxComputeWorkgroupsPerDimension",
        allowed: limit,
        actual: longest,
      },
    });
  }
  return grid;
};

const windowWords = uniformWindow / 4;

// Room for the parameters of so many commands: an integer is written as a word, whatever its sign.
const blockOf = (commands: number) => {
  const words = new Uint32Array(commands * windowWords);
  return { words, floats: new Float32Array(words.buffer) };
};

/** A pass that takes scratch from `pool` and kernels from `pipelines`. */
export const makePass = (
  adapter: AdapterFacts,
  pool: BufferPool,
  pipelines: Pipelines,
): RecordedPass => {
  const commands: Command[] = [];
  const scratch = new Set<GPUBuffer>();
  // What others take of the pool may be submitted before this pass, which would then write over it.
  const released = pool.makeFree();
  let block = blockOf(64);

  const writeParams = (types: Pipeline["params"], params: Readonly<Record<string, number>>) => {
    let at = commands.length * windowWords;
    if (at + windowWords > block.words.length) {
      const larger = blockOf(2 * block.words.length / windowWords);
      larger.words.set(block.words);
      block = larger;
    }
    const { words, floats } = block;
    for (const [name, type] of types) {
      (type === "f32" ? floats : words)[at++] = params[name] ?? 0;
    }
  };

  const checked = <B extends string, P extends string>(
    kernel: Kernel<B, P>,
    params: Readonly<Record<P, number>>,
    tensors: Readonly<Record<B, Tensor>>,
  ): Tensor[] => {
    const bound: Tensor[] = [];
    for (const name in kernel.bindings) {
      const { shape, dtype = "f32" } = kernel.bindings[name];
      const tensor = tensors[name];
      const expected = shape(params);
      if (!same(expected, tensor.shape)) {
        throw new GpuError({
          reason: {
            _tag: "ShapeMismatch",
            kernel: kernel.name,
            binding: name,
            expected,
            actual: tensor.shape,
          },
        });
      }
      if (tensor.dtype !== dtype) {
        throw new GpuError({
          reason: {
            _tag: "DtypeMismatch",
            kernel: kernel.name,
            binding: name,
            expected: dtype,
            actual: tensor.dtype,
          },
        });
      }
      bound.push(tensor);
    }
    return bound;
  };

  const submitted = (): void => {
    for (const buffer of released.drain()) pool.release(buffer);
  };

  return {
    adapter,
    commands,
    uniforms: () => new Uint8Array(block.words.buffer, 0, commands.length * uniformWindow),
    tensor: (shape, dtype = "f32") => {
      const bytes = Math.max(1, sizeOf(shape)) * 4;
      const buffer = released.take(bytes) ?? pool.acquire(bytes);
      scratch.add(buffer);
      return { buffer, offset: 0, bytes: buffer.size, shape, dtype };
    },
    release: (...tensors) => {
      for (const { buffer } of tensors) {
        if (scratch.delete(buffer)) released.add(buffer);
      }
    },
    submitted,
    releaseAll: () => {
      submitted();
      for (const buffer of scratch) pool.release(buffer);
      scratch.clear();
    },
    dispatch: (kernel, params, tensors) => {
      const bound = checked(kernel, params, tensors);
      const limit = adapter.limits.maxComputeWorkgroupsPerDimension;
      const grid = fold(kernel.workgroups(params), kernel.name, limit);
      if (grid[0] * grid[1] * grid[2] === 0) return;
      const pipeline = pipelines.get(kernel as unknown as Kernel<string, string>);
      writeParams(pipeline.params, params);
      commands.push({ kernel: kernel.name, pipeline, tensors: bound, grid });
    },
  };
};
