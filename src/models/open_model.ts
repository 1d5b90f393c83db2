/** Reads what a model directory says of its model, and opens its weights, without reading one. @module */
import { Effect, type FileSystem, Path, type Scope } from "effect";
import { type JsonObject, readJson } from "../weights/files.ts";
import { refuseExtra } from "../weights/extra_tensors.ts";
import { openDirectory } from "../weights/model_directory.ts";
import { checkShape, missingTensor, type Weights } from "../weights/weights.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import type { Architecture, ModelShape } from "./architecture.ts";
import type { ModelError } from "./model_error.ts";
import { parameterSpecs } from "./parameter_specs.ts";
import { architectureOf } from "./registry.ts";
import { wholeTable } from "./table_cuts.ts";

/** A model whose weights are still in their files. */
export interface OpenModel {
  readonly directory: string;
  /** `config.json`. */
  readonly config: JsonObject;
  readonly architecture: Architecture;
  readonly shape: ModelShape;
  readonly weights: Weights;
}

/**
 * Opens the model in `directory`, which must hold the tensors of its `config.json` in their shapes and no
 * others; its files close with the scope. No value is read.
 */
export const openModel: (
  directory: string,
) => Effect.Effect<
  OpenModel,
  WeightsError | ModelError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> = Effect.fnUntraced(function* (directory) {
  const path = yield* Path.Path;
  const config = yield* readJson(path.join(directory, "config.json"));
  const architecture = yield* architectureOf(config);
  const shape = yield* architecture.decode(config);
  const weights = yield* openDirectory(directory);
  const wanted = parameterSpecs(architecture, shape, wholeTable(shape))
    .flatMap(({ sources }) => sources);
  for (const { name, shape } of wanted) {
    const found = weights.describe(name);
    if (!found) return yield* missingTensor(directory, name, weights.names.length);
    yield* checkShape(name, found, shape);
  }
  // A tied head may be stored as well.
  const names = wanted.map(({ name }) => name);
  yield* refuseExtra(weights, names, directory, [architecture.tensors.head]);
  return { directory, config, architecture, shape, weights };
});
