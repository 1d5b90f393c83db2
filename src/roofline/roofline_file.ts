/** Reads and writes a roofline as the JSON of a run folder. @module */
import { Result, Schema } from "effect";
import type { Roofline } from "./measure_step.ts";

/** The name of the file. */
export const rooflineFile = "roofline.json";

const Rate = Schema.Finite;

const Stored: Schema.Codec<Roofline> = Schema.Struct({
  device: Schema.String,
  step: Schema.Struct({
    name: Schema.String,
    storage: Schema.Literals(["f32", "f16", "bf16", "q8"]),
    rank: Rate,
    gradientCheckpointing: Schema.Boolean,
    sequences: Rate,
    length: Rate,
  }),
  tokens: Rate,
  ceilings: Schema.Struct({ flops: Rate, bytes: Rate }),
  kernels: Schema.Array(Schema.Struct({
    kernel: Schema.String,
    dispatches: Rate,
    milliseconds: Rate,
    flops: Schema.optionalKey(Rate),
    bytes: Rate,
  })),
  hostMilliseconds: Rate,
  stepMilliseconds: Rate,
  dispatches: Rate,
  submissions: Rate,
  peakBytes: Rate,
  minimum: Schema.Array(
    Schema.Struct({ what: Schema.String, formula: Schema.String, bytes: Rate }),
  ),
});

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Stored));

/** The roofline in `text`; undefined where it holds none. */
export const parseRoofline = (text: string): Roofline | undefined =>
  Result.getOrUndefined(decode(text));
