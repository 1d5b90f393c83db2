/** How many threads share a row in the kernels that sum over rows. @module */
import type { AdapterFacts } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

/**
 * `kernel` with its `WG` for this adapter and rows of `cols` numbers. A driver that computes on the
 * CPU runs a workgroup's threads in turns at every barrier, so there one vector's worth is the
 * fastest; but Mesa's ends a thread's loops, without a word, after 65 535 iterations of all of them
 * together, so that long rows are shared among more.
 */
export const withRowThreads = <B extends string, P extends string>(
  kernel: Kernel<B, P>,
  { software }: AdapterFacts,
  cols: number,
): Kernel<B, P> => ({ ...kernel, constants: { WG: software && cols <= 131_072 ? 8 : 128 } });
