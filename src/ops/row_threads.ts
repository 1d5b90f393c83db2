/** How many threads share a row in the kernels that sum over rows. @module */
import { bySubgroups, saysSubgroups } from "../gpu/by_subgroups.ts";
import type { AdapterFacts } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

// Rows a workgroup: a software driver starts one in 0.2 µs, which is a tenth of a short row's time.
const rowsByWorkgroup = 8;

type AnyKernel = Kernel<never, never>;

const known = new WeakMap<AnyKernel, AnyKernel>();

/**
 * `kernel` with its `WG` for this adapter and rows of `cols` numbers. A driver that computes on the
 * CPU runs a workgroup's threads in turns at every barrier, so there one vector's worth is the
 * fastest, and where the kernel says how, a subgroup without a barrier; but Mesa's ends a thread's loops,
 * without a word, after 65 535 iterations of all of them together, so that long rows are shared among
 * more.
 */
export const withRowThreads = <B extends string, P extends string>(
  kernel: Kernel<B, P>,
  { software, subgroupSize }: Pick<AdapterFacts, "software" | "subgroupSize">,
  cols: number,
): Kernel<B, P> => {
  if (!software || cols > 131_072) return { ...kernel, constants: { WG: 128 } };
  const own = kernel as unknown as AnyKernel;
  if (subgroupSize === 0 || !saysSubgroups(own)) return { ...kernel, constants: { WG: 8 } };
  const found = known.get(own) ?? bySubgroups(own, { lanes: subgroupSize, rows: rowsByWorkgroup });
  known.set(own, found);
  return found as unknown as Kernel<B, P>;
};
