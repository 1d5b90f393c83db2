/** What is added to a product in its own dispatch, where the kernel that makes it can. @module */
import { type AdapterFacts, reshape, sizeOf, type Tensor } from "../gpu/gpu.ts";
import type { Configuration } from "./matmul_configuration.ts";
import { type Layout, tileColumns } from "./matmul_kernels.ts";
import { longestTail, panelWidth } from "./matmul_panel.ts";
import type { KernelPart } from "./matmul_parts.ts";
import { type AddedProduct, tailOf } from "./matmul_tail.ts";
import type { Product } from "./product.ts";

/** One of the additions: what the kernel is told and binds for it. */
export interface Fused {
  readonly part: KernelPart;
  readonly params: Readonly<Record<string, number>>;
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Of a tail: its most values of k. */
  readonly depth?: number;
}

/** What is to be added to a product, as far as that decides which kernel makes it. */
export interface Additions {
  /** Whether the tiles of subgroups add anything in their own dispatch. */
  readonly any: boolean;
  /** Whether panels do as well with it. */
  readonly fitPanels: boolean;
  /** What the kernel of a configuration adds in its own dispatch. */
  readonly fusedBy: (configuration: Configuration) => ReadonlyArray<Fused>;
}

/** Nothing is added. */
export const noAdditions: Additions = { any: false, fitPanels: true, fusedBy: () => [] };

/** The most values of k of the tail, 0 without one. */
export const depthOf = (fused: ReadonlyArray<Fused>): number =>
  Math.max(0, ...fused.map(({ depth = 0 }) => depth));

/** `plus` and `residual` beside a product that the kernels of subgroups can make. */
export const additionsTo = (
  { layout, cols, depth, scale }: Pick<Product, "cols" | "depth" | "scale"> & {
    readonly layout: Layout;
  },
  { plus, residual }: {
    readonly plus: ReadonlyArray<AddedProduct>;
    readonly residual: Tensor | undefined;
  },
  { subgroupSize }: AdapterFacts,
): Additions => {
  const fused = residual && layout === "NT" ? [fusedResidual(residual)] : [];
  const whole = plus.length > 0 && layout !== "TN" && scale === 1 ? tailOf(plus, cols) : undefined;
  const tail = whole?.fits(tileColumns(subgroupSize)) ? whole : undefined;
  // A tail that is too long for panels is added behind them, which pays while it is short beside the rest.
  const long = tail !== undefined && tail.depth > longestTail;
  const fitPanels = !tail || (long ? 2 * tail.depth <= depth : tail.fits(panelWidth(subgroupSize)));
  const fusedBy = (configuration: Configuration): ReadonlyArray<Fused> => {
    const { kernel } = configuration;
    if (kernel !== "panel" && (kernel !== "subgroup" || configuration.lying)) return [];
    return tail && !(kernel === "panel" && long) ? [...fused, { part: "tail", ...tail }] : fused;
  };
  return { any: tail !== undefined || fused.length > 0, fitPanels, fusedBy };
};

const fusedResidual = (residual: Tensor): Fused => {
  const rSize = sizeOf(residual.shape);
  return { part: "residual", params: { rSize }, tensors: { r: reshape(residual, [rSize]) } };
};
