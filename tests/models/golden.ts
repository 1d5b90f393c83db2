/** Reads a golden made by `tests/parity/make_goldens.py`, and gradients in its names. @module */
import { Effect, type FileSystem, type Path, type Scope } from "effect";
import type { Example } from "../../src/data/example.ts";
import type { Gpu, GpuError } from "../../src/gpu/gpu.ts";
import type { Architecture, ModelShape } from "../../src/models/architecture.ts";
import type { Decoder } from "../../src/models/decoder.ts";
import { loadDecoder } from "../../src/models/load_decoder.ts";
import type { ModelError } from "../../src/models/model_error.ts";
import { architectureOf } from "../../src/models/registry.ts";
import { type Adapter, makeAdapter } from "../../src/nn/adapter.ts";
import { importAdapter } from "../../src/nn/adapter_files.ts";
import type { Parameters } from "../../src/nn/parameters.ts";
import { openSafetensors } from "../../src/weights/model_directory.ts";
import type { LoraMatrices } from "../../src/weights/stored_adapter.ts";
import type { HostTensor, Weights } from "../../src/weights/weights.ts";
import type { WeightsError } from "../../src/weights/weights_error.ts";

/** Losses and gradient norms of AdamW steps on all sequences. */
export interface GoldenSteps {
  readonly learning_rate: number;
  readonly losses: ReadonlyArray<number>;
  readonly norms: ReadonlyArray<number>;
}

/** What the reference computed on the base, and on the base with an adapter. */
export interface GoldenPart {
  readonly sequences: ReadonlyArray<Example>;
  readonly loss: number;
  /** The greedy continuation of each sequence. */
  readonly greedy: { readonly continuations: ReadonlyArray<ReadonlyArray<number>> };
}

/** `golden.json`. */
export interface GoldenFile {
  readonly base: GoldenPart & {
    /** The golden holds the gradient of every weight. */
    readonly gradients: boolean;
    readonly steps?: GoldenSteps;
  };
  readonly lora: GoldenPart & {
    readonly rank: number;
    readonly alpha: number;
    readonly new_ids: ReadonlyArray<number>;
    readonly steps: GoldenSteps;
  };
}

/** One golden: the model, its inputs, and every tensor that the reference wrote. */
export interface Golden extends GoldenFile {
  readonly architecture: Architecture;
  readonly shape: ModelShape;
  readonly weights: Weights;
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

/** Where the committed goldens lie. */
export const committed: URL = new URL("../../fixtures/goldens/", import.meta.url);

const readJson = <A>(file: URL): A => JSON.parse(Deno.readTextFileSync(file)) as A;

/** The name of every golden of a model in `root`, sorted. */
export const goldenNames = (root: URL = committed): ReadonlyArray<string> =>
  [...Deno.readDirSync(root)]
    .flatMap(({ name, isDirectory }) => isDirectory ? [name] : [])
    .filter((name) => {
      const files = [...Deno.readDirSync(new URL(`${name}/`, root))];
      return files.some((file) => file.name === "golden.safetensors");
    })
    .toSorted();

/** The inputs and plain numbers of the golden called `name`. */
export const readGoldenFile = (name: string, root: URL = committed): GoldenFile =>
  readJson(new URL(`${name}/golden.json`, root));

/** Opens the golden called `name`. */
export const openGolden = (
  name: string,
  root: URL = committed,
): Effect.Effect<
  Golden,
  WeightsError | ModelError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> =>
  Effect.gen(function* () {
    const directory = new URL(`${name}/`, root);
    const config = readJson<Readonly<Record<string, unknown>>>(new URL("config.json", directory));
    const architecture = yield* architectureOf(config);
    const shape = yield* architecture.decode(config);
    const weights = yield* openSafetensors(new URL("model.safetensors", directory).pathname);
    const stored = yield* openSafetensors(new URL("golden.safetensors", directory).pathname);
    const tensors = new Map<string, HostTensor>();
    for (const key of stored.names) tensors.set(key, yield* stored.read(key));
    return { ...readGoldenFile(name, root), architecture, shape, weights, tensors };
  });

/** The tensor called `name`. */
export const tensorOf = ({ tensors }: Golden, name: string): HostTensor => {
  const found = tensors.get(name);
  if (!found) throw new Error(`Expected the golden to hold ${name}`);
  return found;
};

/** The adapter matrices under `prefix` (`lora`, `lora.gradient`, `lora.final`), by path. */
export const matricesOf = (golden: Golden, prefix: string): ReadonlyMap<string, LoraMatrices> => {
  const paths = [...golden.tensors.keys()].flatMap((name) =>
    name.startsWith(`${prefix}.model.`) && name.endsWith(".a")
      ? [name.slice(prefix.length + 1, -".a".length)]
      : []
  );
  return new Map(paths.map((path) => [path, {
    a: tensorOf(golden, `${prefix}.${path}.a`),
    b: tensorOf(golden, `${prefix}.${path}.b`),
  }]));
};

/** The base of `golden`, frozen, with its adapter on it. */
export const adaptedGolden = (
  golden: Golden,
): Effect.Effect<Adapter, GpuError | WeightsError | ModelError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const { architecture, shape, weights, lora: { rank, alpha, new_ids: ids } } = golden;
    const base = yield* loadDecoder(architecture, shape, weights, { newIds: ids });
    const linears = matricesOf(golden, "lora");
    const modules = [...linears.keys()].map((path) => path.slice(path.lastIndexOf(".") + 1));
    const targetModules = [...new Set(modules)];
    const options = { rank, alpha, dropout: 0, rsLora: false, targetModules };
    const stored = { rank, alpha, dropout: 0, rsLora: false, base: { model: "" }, linears };
    const rows = {
      ids,
      input: tensorOf(golden, "rows.input").data,
      ...shape.tiedHead ? {} : { output: tensorOf(golden, "rows.output").data },
      trained: true,
    };
    return yield* makeAdapter(base, options, 0, { rows, saved: importAdapter(base, stored) });
  });

/** Parameters whose values are the gradients of `parameters`: exporters then export gradients. */
export const gradientsOf = ({ byName, arenas, count }: Parameters): Parameters => ({
  byName: new Map([...byName].map(([name, { gradient }]) => [name, { name, value: gradient! }])),
  arenas: arenas.map(({ gradient, rateFactor }) => ({ value: gradient!, rateFactor })),
  count,
});

/** A decoder whose weights are the gradients of those of `decoder`: nothing is added to a gradient. */
export const gradientDecoder = (decoder: Decoder): Decoder => ({
  ...decoder,
  shape: { ...decoder.shape, gainOffset: 0 },
  parameters: gradientsOf(decoder.parameters),
});
