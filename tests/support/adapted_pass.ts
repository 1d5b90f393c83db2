/** Passes that tell ops of another adapter, or count what is asked of this one. @module */
import type { Pass } from "../../src/gpu/gpu.ts";

/** `pass`, whose ops take the kernels of adapters without subgroups. */
export const withoutSubgroups = (pass: Pass): Pass => ({
  ...pass,
  adapter: { ...pass.adapter, subgroups: false, subgroupSize: 0 },
});

/** `pass`, each of whose dispatches adds one to `count`. */
export const counted = (pass: Pass, count: { dispatches: number }): Pass => ({
  ...pass,
  dispatch: (...of) => {
    count.dispatches++;
    pass.dispatch(...of);
  },
});
