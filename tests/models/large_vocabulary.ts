/** Reads the goldens of `tests/parity/make_large_vocabulary_golden.py`: a formula makes their weights. @module */
import { Effect, type FileSystem, type Path, type Scope } from "effect";
import type { Example } from "../../src/data/example.ts";
import type { Gpu, GpuError } from "../../src/gpu/gpu.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import type { ModelError } from "../../src/models/model_error.ts";
import { architectureOf } from "../../src/models/registry.ts";
import { type Adapter, makeAdapter } from "../../src/nn/adapter.ts";
import { importAdapter } from "../../src/nn/adapter_files.ts";
import { openSafetensors } from "../../src/weights/model_directory.ts";
import type { StorageFormat } from "../../src/weights/pack.ts";
import type { LoraMatrices } from "../../src/weights/stored_adapter.ts";
import type { HostTensor } from "../../src/weights/weights.ts";
import type { WeightsError } from "../../src/weights/weights_error.ts";
import { formulaValues, formulaWeights } from "../support/random_model.ts";
import type { GoldenSteps } from "./golden.ts";

/** `<name>.json`, and the tensors beside it. */
export interface LargeGolden {
  readonly seed: number;
  /** Of the model, as `config.json` has it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly lora: {
    readonly sequences: ReadonlyArray<Example>;
    readonly loss: number;
    readonly rank: number;
    readonly alpha: number;
    /** Ascending: a row of the table that is overwritten, and one behind it. */
    readonly new_ids: ReadonlyArray<number>;
    /** Ids whose logits the golden has, ascending. */
    readonly columns: ReadonlyArray<number>;
    /** Shapes of `<path>.a` and `<path>.b`, in the order of their streams. */
    readonly matrices: Readonly<Record<string, ReadonlyArray<number>>>;
    readonly steps: GoldenSteps;
  };
  /** `lora.logits`, `lora.token_losses`, `lora.gradient.<matrix>` and `lora.gradient.rows`. */
  readonly expected: ReadonlyMap<string, HostTensor>;
}

const root = new URL("../../fixtures/goldens/large_vocabulary/", import.meta.url);

/** Opens the golden called `name`: `tied` or `untied`. */
export const openLargeGolden = (
  name: string,
): Effect.Effect<
  LargeGolden,
  WeightsError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> =>
  Effect.gen(function* () {
    const file = JSON.parse(Deno.readTextFileSync(new URL(`${name}.json`, root)));
    const stored = yield* openSafetensors(new URL(`${name}.safetensors`, root).pathname);
    const expected = new Map<string, HostTensor>();
    for (const key of stored.names) expected.set(key, yield* stored.read(key));
    return { ...file, expected };
  });

const streams = { adapter: 1000, inputRows: 2000, outputRows: 2001 } as const;

/** The model of `golden` with its adapter on it, its weights kept as `storage`. */
export const adaptedLarge = (
  { seed, config, lora: { rank, alpha, new_ids: ids, matrices } }: LargeGolden,
  storage: StorageFormat,
): Effect.Effect<Adapter, GpuError | WeightsError | ModelError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const architecture = yield* architectureOf(config);
    const shape = yield* architecture.decode(config);
    const formula = { seed, amplitude: 0.125 };
    const weights = formulaWeights(architecture, shape, formula);
    const base = yield* loadDecoder(architecture, shape, weights, { newIds: ids, storage });
    const tensor = (stream: number, shape: ReadonlyArray<number>): HostTensor => {
      const size = shape.reduce((product, length) => product * length, 1);
      return { shape, data: formulaValues(formula, stream, 0, size) };
    };
    const values = new Map(
      Object.entries(matrices).map(([name, shape], index) =>
        [name, tensor(streams.adapter + index, shape)] as const
      ),
    );
    const paths = Object.keys(matrices).filter((name) => name.endsWith(".a"))
      .map((name) => name.slice(0, -".a".length));
    const linears = new Map(
      paths.map((path): readonly [string, LoraMatrices] => [
        path,
        { a: values.get(`${path}.a`)!, b: values.get(`${path}.b`)! },
      ]),
    );
    const targetModules = paths.map((path) => path.slice(path.lastIndexOf(".") + 1));
    const rowsShape = [ids.length, shape.hidden];
    const rows = {
      ids,
      input: tensor(streams.inputRows, rowsShape).data,
      ...shape.tiedHead ? {} : { output: tensor(streams.outputRows, rowsShape).data },
      trained: true,
    };
    const options = { rank, alpha, dropout: 0, rsLora: false, targetModules };
    const saved = importAdapter(base, {
      ...{ rank, alpha, dropout: 0, rsLora: false, base: { model: "" }, linears },
    });
    return yield* makeAdapter(base, options, 0, { rows, saved });
  });
