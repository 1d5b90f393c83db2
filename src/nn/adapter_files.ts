/** An adapter between the GPU and PEFT's layout: stacked A's are cut, and put together again. @module */
import { Effect } from "effect";
import { Gpu, type GpuError } from "../gpu/gpu.ts";
import type { Decoder } from "../models/decoder.ts";
import type * as Peft from "../weights/peft.ts";
import type { TrainedToken } from "../weights/peft_config.ts";
import type { Adapter, SavedValues } from "./adapter.ts";
import { downloadParameters } from "./parameters.ts";

/** Downloads `adapter` as the values that PEFT stores; `about` says what the GPU does not know. */
export const exportAdapter = (
  adapter: Adapter,
  about: Pick<Peft.Adapter, "base"> & { readonly tokens: ReadonlyArray<TrainedToken> },
): Effect.Effect<Peft.Adapter, GpuError, Gpu> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu;
    const { rank, alpha, dropout, rsLora } = adapter.options;
    const values = yield* downloadParameters(adapter.parameters);
    const linears = new Map<string, Peft.LoraMatrices>();
    for (const { linear, lora } of adapter.linears) {
      const stacked = values.get(lora.a.name)!;
      const size = rank * linear.inputs;
      for (const { slot, b } of lora.targets) {
        const path = b.name.slice(0, -".b".length);
        linears.set(path, {
          a: {
            shape: [rank, linear.inputs],
            data: stacked.slice(slot * size, (slot + 1) * size),
          },
          b: { shape: b.value.shape, data: values.get(b.name)! },
        });
      }
    }
    const { rows } = adapter;
    const shape = [about.tokens.length, adapter.decoder.shape.hidden];
    return {
      rank,
      alpha,
      dropout,
      rsLora,
      base: about.base,
      linears,
      ...rows
        ? {
          rows: {
            tokens: about.tokens,
            input: { shape, data: yield* gpu.download(rows.input) },
            ...rows.output ? { output: { shape, data: yield* gpu.download(rows.output) } } : {},
          },
        }
        : {},
    };
  });

/** The parameter values of a stored adapter, named as `makeAdapter` names them on `decoder`. */
export const importAdapter = (decoder: Decoder, stored: Peft.Adapter): SavedValues => {
  const values = new Map<string, Float32Array>();
  decoder.layers.forEach((_, index) => {
    for (const linear of decoder.architecture.linears(decoder.shape, index)) {
      const adapted = linear.parts.flatMap(({ path }) => {
        const matrices = stored.linears.get(path);
        return matrices ? [{ path, matrices }] : [];
      });
      const size = stored.rank * linear.inputs;
      const stacked = new Float32Array(adapted.length * size);
      for (const [slot, { path, matrices }] of adapted.entries()) {
        stacked.set(matrices.a.data, slot * size);
        values.set(`${path}.b`, matrices.b.data);
      }
      if (adapted.length > 0) values.set(`${linear.name}.a`, stacked);
    }
  });
  if (stored.rows) values.set("new_rows", stored.rows.input.data);
  return values;
};
