/** How many threads share a row in the kernels that sum over rows. @module */
import type { AdapterFacts } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/**
 * `kernel` with its `WG` for this adapter: a driver that computes on the CPU runs a workgroup's
 * threads in turns at every barrier, so there one vector's worth is the fastest.
 */
export const withRowThreads = <B extends string, P extends string>(
  kernel: Kernel<B, P>,
  { software }: AdapterFacts,
): Kernel<B, P> => ({ ...kernel, constants: { WG: software ? 8 : 128 } });
