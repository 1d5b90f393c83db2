/** Compiles each kernel once and keeps its pipeline and bind groups. @module */
import { GpuError } from "./gpu_error.ts";
import type { Kernel, ScalarType } from "./kernel.ts";
import type { Tensor } from "./tensor.ts";
import { makeUncollected } from "./uncollected.ts";
import { withInvertedLoops } from "./inverted_loops.ts";
import { withWideLoads } from "./wide_loads.ts";

/** A compiled kernel. */
export interface Pipeline {
  readonly id: number;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Names of the uniform block's parameters in order, with their types. */
  readonly params: ReadonlyArray<readonly [name: string, type: ScalarType]>;
}

type AnyKernel = Kernel<string, string>;

/** Pipelines by kernel and constants, bind groups by the windows bound. */
export interface Pipelines {
  /** The pipeline of `kernel`; a new one is compiled now and its verdict waits in {@linkcode settle}. */
  get(kernel: AnyKernel): Pipeline;
  /** The bind group of `uniforms` (dynamic offset) and `tensors`, in binding order. */
  bind(pipeline: Pipeline, uniforms: GPUBuffer, tensors: ReadonlyArray<Tensor>): GPUBindGroup;
  /**
   * What is to be waited for before a submission. Rejects with {@linkcode GpuError} when a kernel
   * compiled since the last call was refused.
   */
  readonly settle: () => Promise<void> | undefined;
}

/** Uniform bytes a kernel may use; each dispatch has its own window of that size. */
export const uniformWindow = 256;

// Bind groups outlive the tensors they name; past this many, all are dropped and made again. WebGPU has
// no call that frees them. Mesa's software driver maps a page for each, and where a process has the
// 65,530 that Linux grants it the next ends it: at twice as many, those dropped are collected first.
const maxBindGroups = 16_384;

const layoutEntries = (kernel: AnyKernel): GPUBindGroupLayoutEntry[] => [
  {
    binding: 0,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: "uniform", hasDynamicOffset: true },
  },
  ...Object.values(kernel.bindings).map(({ access }, index): GPUBindGroupLayoutEntry => ({
    binding: index + 1,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: access === "in" ? "read-only-storage" : "storage" },
  })),
];

/** How kernels are rewritten before they are compiled. */
export interface Rewrites {
  /** As {@linkcode withWideLoads} says. */
  readonly wideLoads: boolean;
  /** As {@linkcode withInvertedLoops} says. */
  readonly invertedLoops: boolean;
}

const rewritten = (source: string, { wideLoads, invertedLoops }: Rewrites): string => {
  const loops = invertedLoops ? withInvertedLoops(source) : source;
  return wideLoads ? withWideLoads(loops) : loops;
};

/** Empty caches on `device`, whose kernels are compiled as `rewrites` says. */
export const makePipelines = (device: GPUDevice, rewrites: Rewrites): Pipelines => {
  const compiled = new Map<string, Map<string, Pipeline>>();
  const groups = new Map<string, GPUBindGroup>();
  const uncollected = makeUncollected();
  const bufferIds = new WeakMap<GPUBuffer, number>();
  let buffers = 0;
  let pipelines = 0;
  let verdicts: Promise<GpuError | undefined>[] = [];

  const idOf = (buffer: GPUBuffer): number => {
    const known = bufferIds.get(buffer);
    if (known !== undefined) return known;
    bufferIds.set(buffer, ++buffers);
    return buffers;
  };

  const compile = (kernel: AnyKernel): Pipeline => {
    device.pushErrorScope("validation");
    const layout = device.createBindGroupLayout({ entries: layoutEntries(kernel) });
    const pipeline = device.createComputePipeline({
      label: kernel.name,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: {
        module: device.createShaderModule({
          label: kernel.name,
          code: rewritten(kernel.source, rewrites),
        }),
        entryPoint: "main",
        ...(kernel.constants ? { constants: { ...kernel.constants } } : {}),
      },
    });
    verdicts.push(
      device.popErrorScope().then((error) =>
        error
          ? new GpuError({
            reason: {
              _tag: "Rejected",
              what: `the kernel ${kernel.name}`,
              report: error.message,
            },
          })
          : undefined
      ),
    );
    return { id: ++pipelines, pipeline, layout, params: Object.entries(kernel.params) };
  };

  return {
    get: (kernel) => {
      const key = kernel.constants ? JSON.stringify(kernel.constants) : "";
      let ofSource = compiled.get(kernel.source);
      if (!ofSource) compiled.set(kernel.source, ofSource = new Map());
      let pipeline = ofSource.get(key);
      if (!pipeline) ofSource.set(key, pipeline = compile(kernel));
      return pipeline;
    },
    bind: (pipeline, uniforms, tensors) => {
      let key = `${pipeline.id}|${idOf(uniforms)}`;
      for (const tensor of tensors) {
        key += `|${idOf(tensor.buffer)},${tensor.offset},${tensor.bytes}`;
      }
      const known = groups.get(key);
      if (known) return known;
      if (groups.size >= maxBindGroups) groups.clear();
      const group = device.createBindGroup({
        layout: pipeline.layout,
        entries: [
          { binding: 0, resource: { buffer: uniforms, size: uniformWindow } },
          ...tensors.map(({ buffer, offset, bytes }, index) => ({
            binding: index + 1,
            resource: { buffer, offset, size: bytes },
          })),
        ],
      });
      groups.set(key, group);
      uncollected.add(group);
      return group;
    },
    settle: () => {
      const crowded = uncollected.count() >= 2 * maxBindGroups;
      if (verdicts.length === 0 && !crowded) return undefined;
      const waiting = verdicts;
      verdicts = [];
      return Promise.all(waiting).then(async (errors) => {
        const error = errors.find((found) => found !== undefined);
        if (error) throw error;
        if (crowded) await uncollected.collect();
      });
    },
  };
};
