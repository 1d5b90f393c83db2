/** Which version of the products' kernels a measurement is of. @module */
import { Effect } from "effect";
import {
  anyMatmulKernel,
  type Layout,
  packedMatmulKernels,
  subgroupMatmulKernel,
} from "../ops/matmul_kernels.ts";
import { panelDepths, panelMatmulKernel } from "../ops/matmul_panel.ts";
import { sharedMatmulKernel, sharedTileNames } from "../ops/matmul_shared.ts";
import type { PackedFormat } from "../ops/unpack.ts";

const formats: ReadonlyArray<PackedFormat> = ["f16", "bf16", "q8"];

// One of each kernel in each format, expanded: what changes the code of any changes one of these.
const sources = (): ReadonlyArray<string> =>
  [
    ...[anyMatmulKernel, ...Object.values(packedMatmulKernels)],
    ...sharedTileNames.flatMap((name) => [
      sharedMatmulKernel(name),
      ...formats.map((format) => sharedMatmulKernel(name, format)),
    ]),
    ...panelDepths.map((depth) => panelMatmulKernel(depth, { lanes: 8 })),
    ...formats.map((format) => panelMatmulKernel(64, { lanes: 8, format })),
    ...(["NT", "NN", "TN", "TT"] as const).map((layout) =>
      subgroupMatmulKernel(layout, { lanes: 8, rows: 8, fours: 1 })
    ),
    ...(["NT", "NN"] satisfies ReadonlyArray<Layout>).flatMap((layout) =>
      formats.map((format) => subgroupMatmulKernel(layout, { lanes: 8, rows: 8, fours: 1, format }))
    ),
  ].map(({ source }) => source);

/** SHA-256 of the kernels' sources, in hexadecimal digits. */
export const kernelsVersion: Effect.Effect<string> = Effect.promise(async () => {
  const bytes = new TextEncoder().encode(sources().join("\0"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
});
