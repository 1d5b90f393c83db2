/** Finds the adapter and opens a device with everything the adapter offers. @module */
import { GpuError } from "./gpu_error.ts";
import { spreadSoftwareThreads } from "./software_threads.ts";
import type { Tuning } from "./tuning.ts";

/** What the kernels may rely on, found by trying. */
export interface AdapterFacts {
  /** Human name, as the driver gives it. */
  readonly name: string;
  /** A driver that computes on the CPU. */
  readonly software: boolean;
  /** Cores of the machine, which such a driver computes on. */
  readonly cores: number;
  /** Subgroup built-ins work and every subgroup has {@linkcode subgroupSize} lanes. */
  readonly subgroups: boolean;
  /** Lanes of a subgroup; 0 without subgroups. */
  readonly subgroupSize: number;
  readonly shaderF16: boolean;
  readonly timestamps: boolean;
  /** Kernels load four floats as two 64-bit integers, as {@linkcode withWideLoads} says. */
  readonly wideLoads: boolean;
  readonly limits: GPUSupportedLimits;
  /** What was measured to be fastest on it; the ops' own tables hold where it is absent. */
  readonly tuning?: Tuning;
}

const wantedFeatures = ["subgroups", "shader-f16", "timestamp-query"] as const;
// Beyond the standard: wgpu's name for 64-bit integers in shaders.
const int64 = "wgpu-shader-int64";

// Every limit is asked for at the adapter's own value: WebGPU's defaults are far below it.
const requiredLimits = (adapter: GPUAdapter): Record<string, number> => {
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[name] = value;
  }
  return limits;
};

// An adapter may grant a feature that it does not list, so each is tried rather than looked up.
const requestDevice = async (
  adapter: GPUAdapter,
  software: boolean,
): Promise<{ readonly device: GPUDevice; readonly features: ReadonlySet<string> }> => {
  let features: string[] = software ? [...wantedFeatures, int64] : [...wantedFeatures];
  while (true) {
    try {
      const device = await adapter.requestDevice({
        requiredFeatures: features as GPUFeatureName[],
        requiredLimits: requiredLimits(adapter),
      });
      return { device, features: new Set(features) };
    } catch (cause) {
      if (!(cause instanceof TypeError) || features.length === 0) throw cause;
      // A runtime that does not know the name refuses all.
      if (features.at(-1) === int64) {
        features = features.slice(0, -1);
        continue;
      }
      const listed = features.filter((name) => adapter.features.has(name as GPUFeatureName));
      features = listed.length < features.length ? listed : features.slice(0, -1);
    }
  }
};

/**
 * The machine's best adapter, null where there is none. Whoever else asks for one first leaves a software
 * driver with a thread a core for as long as the process lives ({@linkcode spreadSoftwareThreads}).
 */
export const bestAdapter = async (): Promise<GPUAdapter | null> => {
  spreadSoftwareThreads();
  return await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
};

/** Opens the best adapter; throws {@linkcode GpuError} `NoAdapter` where there is none. */
export const openDevice = async (): Promise<
  { readonly device: GPUDevice; readonly facts: AdapterFacts }
> => {
  const adapter = await bestAdapter();
  if (!adapter) throw new GpuError({ reason: { _tag: "NoAdapter" } });
  const software = /llvmpipe|swiftshader|warp/i.test(adapter.info.description);
  const { device, features } = await requestDevice(adapter, software);
  const info = adapter.info as GPUAdapterInfo & {
    readonly subgroupMinSize?: number;
    readonly subgroupMaxSize?: number;
  };
  const fixedSize = info.subgroupMinSize !== undefined &&
    info.subgroupMinSize === info.subgroupMaxSize && info.subgroupMinSize >= 4;
  const subgroups = features.has("subgroups") && fixedSize;
  const facts: AdapterFacts = {
    name: info.description || info.vendor || "unnamed adapter",
    software,
    cores: navigator.hardwareConcurrency,
    subgroups,
    subgroupSize: subgroups ? info.subgroupMinSize ?? 0 : 0,
    shaderF16: features.has("shader-f16"),
    timestamps: features.has("timestamp-query"),
    wideLoads: features.has(int64),
    limits: device.limits,
  };
  return { device, facts };
};
