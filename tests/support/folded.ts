/** A pass whose grids are folded early, to test that without a tensor of gigabytes. @module */
import type { Pass } from "../../src/gpu/gpu.ts";

/** `pass` as on an adapter whose grid axes hold `longest` workgroups. */
export const folded = (pass: Pass, longest: number): Pass => ({
  ...pass,
  dispatch: (kernel, params, tensors) => {
    const workgroups: typeof kernel.workgroups = (of) => {
      const count = kernel.workgroups(of);
      return typeof count === "number" && count > longest
        ? [longest, Math.ceil(count / longest), 1]
        : count;
    };
    pass.dispatch({ ...kernel, workgroups }, params, tensors);
  },
});
