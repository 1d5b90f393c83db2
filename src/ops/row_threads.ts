/** How many threads share a row in the kernels that sum over rows. @module */
import { bySubgroups, saysSubgroups } from "../gpu/by_subgroups.ts";
import type { AdapterFacts } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";

// Rows a workgroup: a software driver starts one in 0.2 µs, which is a tenth of a short row's time.
const rowsByWorkgroup = 8;

type AnyKernel = Kernel<never, never>;

// By lanes of a subgroup, each kernel turned once.
const turned = new Map<number, WeakMap<AnyKernel, AnyKernel>>();

const turnedOnce = (kernel: AnyKernel, lanes: number): AnyKernel => {
  const known = turned.get(lanes) ?? new WeakMap<AnyKernel, AnyKernel>();
  turned.set(lanes, known);
  const found = known.get(kernel) ?? bySubgroups(kernel, { lanes, rows: rowsByWorkgroup });
  known.set(kernel, found);
  return found;
};

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
  const threads = (count: number) => ({ ...kernel, constants: { ...kernel.constants, WG: count } });
  if (!software || cols > 131_072) return threads(128);
  if (subgroupSize === 0 || !saysSubgroups(kernel)) return threads(8);
  return turnedOnce(kernel as unknown as AnyKernel, subgroupSize) as unknown as Kernel<B, P>;
};
