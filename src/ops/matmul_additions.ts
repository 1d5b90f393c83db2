/** What is added to a product in its own dispatch, where the kernel that makes it can. @module */
import { type AdapterFacts, reshape, sizeOf, type Tensor } from "../gpu/gpu.ts";
import {
  type Additions,
  type Configuration,
  fitsSubgroups,
  noAdditions,
} from "./matmul_configuration.ts";
import { type Layout, tileColumns } from "./matmul_kernels.ts";
import { longestTail, panelWidth } from "./matmul_panel.ts";
import type { KernelPart } from "./matmul_parts.ts";
import { type AddedProduct, type Tail, tailOf } from "./matmul_tail.ts";
import type { Product } from "./product.ts";

/** What is to be added. */
export interface Wanted {
  readonly plus: ReadonlyArray<AddedProduct>;
  readonly residual: Tensor | undefined;
}

/** One of the additions: what the kernel is told and binds for it. */
export interface Fused {
  readonly part: KernelPart;
  readonly params: Readonly<Record<string, number>>;
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Of a tail: its most values of k. */
  readonly depth?: number;
}

/** The most values of k of the tail, 0 without one. */
export const depthOf = (fused: ReadonlyArray<Fused>): number =>
  Math.max(0, ...fused.map(({ depth = 0 }) => depth));

/** What of `wanted` asks for a kernel that can add it: what the tiles of subgroups can. */
export const additionsOf = (
  adapter: AdapterFacts,
  layout: Layout,
  product: Product,
  { plus, residual }: Wanted,
): Additions => {
  if (!fitsSubgroups(adapter, layout, product)) return noAdditions;
  const tail = tailAt(layout, product, plus, tileColumns(adapter.subgroupSize));
  const any = tail !== undefined || residual !== undefined && layout === "NT";
  const fit = (columns: number): boolean => {
    if (!tail) return true;
    return tail.depth <= longestTail && tailAt(layout, product, plus, columns) !== undefined;
  };
  return { any, fit };
};

/** What of `wanted` the kernel of `configuration` adds. */
export const fusedWith = (
  { subgroupSize }: AdapterFacts,
  layout: Layout,
  product: Product,
  { plus, residual }: Wanted,
  configuration: Configuration,
): ReadonlyArray<Fused> => {
  if (configuration.kernel !== "subgroup" && configuration.kernel !== "panel") return [];
  if (configuration.kernel === "subgroup" && configuration.lying) return [];
  const fused: Fused[] = [];
  if (residual && layout === "NT") {
    const rSize = sizeOf(residual.shape);
    const tensors = { r: reshape(residual, [rSize]) };
    fused.push({ part: "residual", params: { rSize }, tensors });
  }
  const columns = configuration.kernel === "panel"
    ? panelWidth(subgroupSize)
    : tileColumns(subgroupSize);
  const tail = tailAt(layout, product, plus, columns);
  if (tail) fused.push({ part: "tail", ...tail });
  return fused;
};

const tailAt = (
  layout: Layout,
  { cols, scale }: Product,
  plus: ReadonlyArray<AddedProduct>,
  columns: number,
): Tail | undefined =>
  plus.length > 0 && layout !== "TN" && scale === 1 ? tailOf(plus, cols, columns) : undefined;
