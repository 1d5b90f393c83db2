/** The linears of a decoder by name, and decoders with others in their place. @module */
import type { Decoder } from "../models/decoder.ts";
import type { Linear } from "./lora_linear.ts";

/** `decoder` with `change` of each linear; names are those of the architecture (`layers.0.qkv`). */
export const mapLinears = (
  decoder: Decoder,
  change: (linear: Linear, name: string) => Linear,
): Decoder => ({
  ...decoder,
  layers: decoder.layers.map(({ attending, attention, feedForward }, index) => ({
    attending,
    attention: {
      ...attention,
      qkv: change(attention.qkv, `layers.${index}.qkv`),
      output: change(attention.output, `layers.${index}.output`),
    },
    feedForward: {
      ...feedForward,
      gateUp: change(feedForward.gateUp, `layers.${index}.gateUp`),
      down: change(feedForward.down, `layers.${index}.down`),
    },
  })),
});

/** Every linear of `layers`, from the first to the last. */
export const linearsOf = ({ layers }: Pick<Decoder, "layers">): ReadonlyArray<Linear> =>
  layers.flatMap(({ attention: { qkv, output }, feedForward: { gateUp, down } }) => [
    ...[qkv, output, gateUp, down],
  ]);
