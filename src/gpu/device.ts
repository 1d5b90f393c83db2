/** Finds the adapter and opens a device with everything the adapter offers. @module */
import { GpuError } from "./gpu_error.ts";

/** What the kernels may rely on, found by trying. */
export interface AdapterFacts {
  /** Human name, as the driver gives it. */
  readonly name: string;
  /** A driver that computes on the CPU. */
  readonly software: boolean;
  /** Subgroup built-ins work and every subgroup has {@linkcode subgroupSize} lanes. */
  readonly subgroups: boolean;
  /** Lanes of a subgroup; 0 without subgroups. */
  readonly subgroupSize: number;
  readonly shaderF16: boolean;
  readonly timestamps: boolean;
  readonly limits: GPUSupportedLimits;
}

const wantedFeatures = ["subgroups", "shader-f16", "timestamp-query"] as const;

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
): Promise<{ readonly device: GPUDevice; readonly features: ReadonlySet<string> }> => {
  let features: string[] = [...wantedFeatures];
  while (true) {
    try {
      const device = await adapter.requestDevice({
        requiredFeatures: features as GPUFeatureName[],
        requiredLimits: requiredLimits(adapter),
      });
      return { device, features: new Set(features) };
    } catch (cause) {
      if (!(cause instanceof TypeError) || features.length === 0) throw cause;
      const listed = features.filter((name) => adapter.features.has(name as GPUFeatureName));
      features = listed.length < features.length ? listed : features.slice(0, -1);
    }
  }
};

/** Opens the best adapter; throws {@linkcode GpuError} `NoAdapter` where there is none. */
export const openDevice = async (): Promise<
  { readonly device: GPUDevice; readonly facts: AdapterFacts }
> => {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new GpuError({ reason: { _tag: "NoAdapter" } });
  const { device, features } = await requestDevice(adapter);
  const info = adapter.info as GPUAdapterInfo & {
    readonly subgroupMinSize?: number;
    readonly subgroupMaxSize?: number;
  };
  const fixedSize = info.subgroupMinSize !== undefined &&
    info.subgroupMinSize === info.subgroupMaxSize && info.subgroupMinSize >= 4;
  const subgroups = features.has("subgroups") && fixedSize;
  const facts: AdapterFacts = {
    name: info.description || info.vendor || "unnamed adapter",
    software: /llvmpipe|swiftshader|warp/i.test(info.description),
    subgroups,
    subgroupSize: subgroups ? info.subgroupMinSize ?? 0 : 0,
    shaderF16: features.has("shader-f16"),
    timestamps: features.has("timestamp-query"),
    limits: device.limits,
  };
  return { device, facts };
};
