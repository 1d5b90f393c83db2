/** Which stretches of an adapter's flat gradient belong to which module, layer and new row. @module */
import { sizeOf, type Tensor } from "../../gpu/gpu.ts";
import type { Adapter } from "../../nn/adapter.ts";
import type { Parameter } from "../../nn/parameters.ts";
import type { Stretch } from "./gram.ts";

/** The elements of one module of one layer, or those outside the layers. */
export interface Region {
  /** `q_proj`, `embed_tokens`, or {@linkcode newRows}. */
  readonly module: string;
  readonly layer?: number;
  /** Elements of the arenas' gradients, one arena behind the other. */
  readonly stretches: ReadonlyArray<Stretch>;
}

/** The module name of the new tokens' rows. */
export const newRows = "new_rows";

/** Every trained element of `adapter`, by module and layer. */
export const regionsOf = (
  { parameters, linears, rows, decoder }: Adapter,
): ReadonlyArray<Region> => {
  const starts = new Map<Tensor["buffer"], number>();
  let end = 0;
  for (const { gradient } of parameters.arenas) {
    starts.set(gradient!.buffer, end - gradient!.offset / 4);
    end += sizeOf(gradient!.shape);
  }
  const whole = ({ gradient }: Parameter): Stretch => {
    const from = starts.get(gradient!.buffer)! + gradient!.offset / 4;
    return [from, from + sizeOf(gradient!.shape)];
  };
  const ofLinears = linears.flatMap(({ linear, lora }) =>
    lora.targets.map(({ module, ranks, b, dora }): Region => {
      const [from] = whole(lora.a);
      const layer = /\.layers\.(\d+)\./.exec(b.name)?.[1];
      return {
        module,
        ...layer === undefined ? {} : { layer: Number(layer) },
        // The A's of a fused linear are stacked: its own rows of them.
        stretches: [
          [from + ranks[0] * linear.inputs, from + ranks[1] * linear.inputs],
          whole(b),
          ...dora ? [whole(dora.magnitude)] : [],
        ],
      };
    })
  );
  const { embeddingLora } = decoder;
  return [
    ...ofLinears,
    ...embeddingLora
      ? [{ module: "embed_tokens", stretches: [whole(embeddingLora.a), whole(embeddingLora.b)] }]
      : [],
    ...rows?.trained ? [{ module: newRows, stretches: [whole(rows.trained)] }] : [],
  ];
};
