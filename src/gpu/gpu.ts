/**
 * The GPU as a service: upload, record and submit, download.
 *
 * @example
 * ```ts
 * import { Effect } from "effect";
 * import { Gpu, layer } from "@delia/delia/gpu";
 *
 * const roundTrip = Effect.scoped(Effect.gen(function* () {
 *   const gpu = yield* Gpu;
 *   const tensor = yield* gpu.upload(new Float32Array([1, 2, 3]), [3]);
 *   return yield* gpu.download(tensor);
 * }));
 * await Effect.runPromise(Effect.provide(roundTrip, layer)); // Float32Array [1, 2, 3]
 * ```
 *
 * @module
 */
import { Context, Effect, Layer, type Scope } from "effect";
import { makeBufferPool } from "./buffer_pool.ts";
import { type AdapterFacts, openDevice } from "./device.ts";
import { makeEncoder } from "./encoder.ts";
import { GpuError } from "./gpu_error.ts";
import { makePass, type Pass } from "./pass.ts";
import { type KernelTime, makeProfile } from "./profile.ts";
import { makePipelines } from "./pipelines.ts";
import { makeReadback } from "./readback.ts";
import { sizeOf, type Tensor } from "./tensor.ts";

export type { AdapterFacts } from "./device.ts";
export { GpuError } from "./gpu_error.ts";
export type { GpuReason } from "./gpu_error.ts";
export type { Binding, Kernel, ScalarType } from "./kernel.ts";
export type { Pass } from "./pass.ts";
export type { KernelTime } from "./profile.ts";
export { reshape, sizeOf } from "./tensor.ts";
export type { Dtype, Tensor } from "./tensor.ts";

/** A WebGPU device with a buffer pool and caches of pipelines and bind groups. */
export interface Gpu {
  readonly adapter: AdapterFacts;
  /** Copies `data` to the GPU; the tensor lives as long as the scope. */
  upload(
    data: Float32Array | Uint32Array,
    shape: ReadonlyArray<number>,
  ): Effect.Effect<Tensor, GpuError, Scope.Scope>;
  /** An uninitialised tensor that lives as long as the scope. */
  allocate(
    shape: ReadonlyArray<number>,
    dtype?: "f32" | "u32",
  ): Effect.Effect<Tensor, GpuError, Scope.Scope>;
  /** Overwrites `tensor` from the host, before anything submitted later. */
  write(tensor: Tensor, data: Float32Array | Uint32Array): Effect.Effect<void, GpuError>;
  /** Records and submits one pass without waiting for it; its scratch lives as long as the scope. */
  submit<A>(record: (pass: Pass) => A): Effect.Effect<A, GpuError, Scope.Scope>;
  /** Waits for everything submitted and reads an f32 tensor. */
  download(tensor: Tensor): Effect.Effect<Float32Array<ArrayBuffer>, GpuError>;
  /** Like {@linkcode Gpu.download}, for a u32 tensor. */
  downloadU32(tensor: Tensor): Effect.Effect<Uint32Array<ArrayBuffer>, GpuError>;
  /** Waits until everything submitted has run. */
  readonly finish: Effect.Effect<void, GpuError>;
  /** The largest number of bytes held from the device at once, so far, those waiting for reuse too. */
  readonly peakBytes: () => number;
}

/** Key of the {@linkcode Gpu} service. */
export const Gpu: Context.Service<Gpu, Gpu> = Context.Service("delia/gpu/Gpu");

// An expected failure keeps its type; anything else is a bug and stays a defect.
const attempt = <A>(evaluate: () => A): Effect.Effect<A, GpuError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(evaluate());
    } catch (cause) {
      return cause instanceof GpuError ? Effect.fail(cause) : Effect.die(cause);
    }
  });

const attemptPromise = <A>(evaluate: () => Promise<A>): Effect.Effect<A, GpuError> =>
  Effect.callback((resume) => {
    evaluate().then(
      (value) => resume(Effect.succeed(value)),
      (cause) => resume(cause instanceof GpuError ? Effect.fail(cause) : Effect.die(cause)),
    );
  });

/** How to open a device. */
export interface OpenOptions {
  /** Time every dispatch, where the adapter has timestamps; slower by a pass a dispatch. */
  readonly profiled?: boolean;
  /** False: kernels are compiled as they are written, also where wide loads are faster. */
  readonly wideLoads?: boolean;
  /** False: loops are compiled as they are written, also where ones with their test at the end are faster. */
  readonly invertedLoops?: boolean;
}

// Milliseconds in which a device that is lost has said so, after the first call that failed for it.
const lossReported = 100;

/** A {@linkcode Gpu} with what its opener needs. */
export interface OpenGpu extends Gpu {
  readonly close: () => void;
  /** Times by kernel since the last call, longest first; empty unless `profiled`. */
  readonly kernelTimes: () => Promise<ReadonlyArray<KernelTime>>;
}

/** Opens a device of its own; call `close` when done. {@linkcode layer} does both. */
export const openGpu = async (
  { profiled = false, wideLoads = true, invertedLoops = true }: OpenOptions = {},
): Promise<OpenGpu> => {
  const { device, facts } = await openDevice();
  const profile = profiled && facts.timestamps ? makeProfile(device) : undefined;
  const pool = makeBufferPool(device);
  const readback = makeReadback(device);
  const pipelines = makePipelines(device, {
    wideLoads: wideLoads && facts.wideLoads,
    invertedLoops: invertedLoops && facts.software,
  });
  const encoder = makeEncoder(device, pipelines, profile);
  let broken: GpuError | undefined;
  let closed = false;

  device.addEventListener("uncapturederror", (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    broken ??= error instanceof GPUOutOfMemoryError
      ? new GpuError({ reason: { _tag: "OutOfMemory", held: pool.heldBytes() } })
      : new GpuError({ reason: { _tag: "Rejected", what: "a command", report: error.message } });
  });
  device.lost.then(({ message, reason }) => {
    if (closed) return;
    broken = new GpuError({ reason: { _tag: "DeviceLost", report: message || reason } });
  });
  // A refused command is reported once; a lost device stays lost.
  const assertWorking = (): void => {
    if (!broken) return;
    const error = broken;
    if (error.reason._tag !== "DeviceLost") broken = undefined;
    throw error;
  };

  const read = (tensor: Tensor): Effect.Effect<ArrayBuffer, GpuError> =>
    attemptPromise(async () => {
      assertWorking();
      const bytes = await readback.read(tensor).catch(async (cause: unknown) => {
        await Promise.race([
          device.lost,
          new Promise((resolve) => setTimeout(resolve, lossReported)),
        ]);
        assertWorking(); // what became of the device says more than that a read failed
        throw cause;
      });
      assertWorking();
      return bytes;
    });

  const allocate: Gpu["allocate"] = (shape, dtype = "f32") =>
    Effect.acquireRelease(
      attempt(() => {
        assertWorking();
        const buffer = pool.acquire(Math.max(1, sizeOf(shape)) * 4);
        return { buffer, offset: 0, bytes: buffer.size, shape, dtype };
      }),
      ({ buffer }) => Effect.sync(() => pool.release(buffer)),
    );

  const write: Gpu["write"] = (tensor, data) =>
    attempt(() => {
      if (data.length !== sizeOf(tensor.shape)) {
        throw new GpuError({
          reason: {
            _tag: "ShapeMismatch",
            kernel: "write",
            binding: "data",
            expected: [sizeOf(tensor.shape)],
            actual: [data.length],
          },
        });
      }
      if (data.length === 0) return; // Deno 2.9.6 panics on an empty write
      const { buffer, byteOffset, byteLength } = data;
      device.queue.writeBuffer(
        tensor.buffer,
        tensor.offset,
        buffer as ArrayBuffer,
        byteOffset,
        byteLength,
      );
    });

  return {
    adapter: facts,
    allocate,
    write,
    upload: (data, shape) =>
      Effect.tap(
        allocate(shape, data instanceof Uint32Array ? "u32" : "f32"),
        (tensor) => write(tensor, data),
      ),
    submit: (record) =>
      Effect.gen(function* () {
        const pass = yield* Effect.acquireRelease(
          attempt(() => makePass(facts, pool, pipelines)),
          ({ releaseAll }) => Effect.sync(releaseAll),
        );
        const result = yield* attempt(() => {
          assertWorking();
          return record(pass);
        });
        const verdict = pipelines.settle();
        if (verdict) yield* attemptPromise(() => verdict);
        yield* attempt(() => {
          encoder.submit(pass.commands, pass.uniforms());
          pass.submitted();
          assertWorking();
        });
        return result;
      }),
    download: (tensor) => Effect.map(read(tensor), (bytes) => new Float32Array(bytes)),
    downloadU32: (tensor) => Effect.map(read(tensor), (bytes) => new Uint32Array(bytes)),
    finish: attemptPromise(async () => {
      await device.queue.onSubmittedWorkDone();
      await readback.settled();
      assertWorking();
    }),
    peakBytes: pool.peakBytes,
    kernelTimes: () => profile?.read() ?? Promise.resolve([]),
    close: () => {
      closed = true;
      pool.destroy();
      encoder.destroy();
      readback.destroy();
      device.destroy();
    },
  };
};

/** {@linkcode openGpu} as an effect. Fails with `NoAdapter` where WebGPU finds none. */
export const openedGpu = (options: OpenOptions = {}): Effect.Effect<OpenGpu, GpuError> =>
  attemptPromise(() => openGpu(options));

/** The machine's best adapter. Fails with `NoAdapter` where WebGPU finds none. */
export const layer: Layer.Layer<Gpu, GpuError> = Layer.effect(
  Gpu,
  // What is still running is waited for: a software driver's threads outlive what they compute on.
  Effect.acquireRelease(
    openedGpu(),
    ({ finish, close }) => Effect.andThen(Effect.ignore(finish), Effect.sync(close)),
  ),
);
