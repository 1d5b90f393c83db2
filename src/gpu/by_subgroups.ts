/** Turns kernels whose workgroups take a row each into ones whose subgroups do. @module */
import type { Kernel } from "./kernel.ts";

const directive = /^.*\/\/ by subgroups:(.*)$/gm;

/**
 * `kernel` with `rows` rows a workgroup, each taken by a subgroup of `lanes` threads. Its source is written
 * for a workgroup a row of `WG` threads, and each line that ends in `// by subgroups: …` gives way to what
 * stands there, which may use `ROWS`.
 */
export const bySubgroups = <B extends string, P extends string>(
  kernel: Kernel<B, P>,
  { lanes, rows }: { readonly lanes: number; readonly rows: number },
): Kernel<B, P> => ({
  ...kernel,
  source: kernel.source.replace(directive, "$1"),
  constants: { ...kernel.constants, WG: lanes, ROWS: rows },
  workgroups: (params) => {
    const count = kernel.workgroups(params);
    if (typeof count !== "number") {
      throw new TypeError("bySubgroups: the grid is not a count of rows");
    }
    return Math.ceil(count / rows);
  },
});

/** Whether a kernel's source says what to do by subgroups. */
export const saysSubgroups = ({ source }: { readonly source: string }): boolean =>
  source.includes("// by subgroups:");
