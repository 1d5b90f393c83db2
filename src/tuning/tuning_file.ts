/**
 * What was measured on an adapter, in a JSON file of the user's cache: one file an adapter, valid for
 * the kernels that were measured.
 *
 * @module
 */
import { Effect, FileSystem, Path, Result, Schema } from "effect";
import { writeWhole } from "../files/write_whole.ts";
import type { AdapterFacts } from "../gpu/device.ts";
import type { Tuning } from "../gpu/tuning.ts";
import { configurations } from "../ops/matmul_configuration.ts";
import { formatJson, readIfPresent, refuse } from "../weights/files.ts";
import type { WeightsError } from "../weights/weights_error.ts";
import { classOf } from "./product_class.ts";

/** What of an adapter decides which kernels it can run, and how fast. */
export interface AdapterIdentity {
  readonly name: string;
  readonly software: boolean;
  readonly subgroupSize: number;
  readonly wideLoads: boolean;
}

/** What was measured of one class of products. */
export interface Measured {
  /** Name of the configuration to take. */
  readonly configuration: string;
  /** What was taken before. */
  readonly builtIn: string;
  /** Of the configuration. */
  readonly gflops: number;
  /** Times as fast as what was taken before. */
  readonly gain: number;
}

/** Content of the file. */
export interface TuningFile {
  readonly adapter: AdapterIdentity;
  /** SHA-256 of the kernels' sources. */
  readonly kernels: string;
  /** By class. */
  readonly products: Readonly<Record<string, Measured>>;
}

const Name = Schema.String.check(
  Schema.makeFilter((name) =>
    configurations.has(name) ? undefined : "a configuration of the kernels"
  ),
);

const TuningFile: Schema.Codec<TuningFile, unknown> = Schema.Struct({
  adapter: Schema.Struct({
    name: Schema.String,
    software: Schema.Boolean,
    subgroupSize: Schema.Finite,
    wideLoads: Schema.Boolean,
  }),
  kernels: Schema.String,
  products: Schema.Record(
    Schema.String,
    Schema.Struct({
      configuration: Name,
      builtIn: Name,
      gflops: Schema.Finite,
      gain: Schema.Finite,
    }),
  ),
}) as unknown as Schema.Codec<TuningFile, unknown>;

/** What a file says of the adapter that it was measured on. */
export const identityOf = (
  { name, software, subgroupSize, wideLoads }: AdapterFacts,
): AdapterIdentity => ({ name, software, subgroupSize, wideLoads });

/** Where the file of an adapter lies, by the variables of the environment. */
export const tuningFile = (
  environment: Readonly<Record<string, string | undefined>>,
  { name }: Pick<AdapterFacts, "name">,
): Effect.Effect<string, never, Path.Path> =>
  Effect.map(Path.Path, (path) => {
    const home = environment["HOME"] || environment["USERPROFILE"] || ".";
    const caches = environment["XDG_CACHE_HOME"] || path.join(home, ".cache");
    const slug = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
    return path.join(caches, "delia", "tuning", `${slug || "unnamed"}.json`);
  });

/** What became of a file. */
export type ReadTuning =
  | { readonly _tag: "None" }
  /** It holds nothing for this adapter and these kernels; why, in one line. */
  | { readonly _tag: "Ignored"; readonly why: string }
  | { readonly _tag: "Read"; readonly products: TuningFile["products"] };

const again = "`deno task delia tune` measures again";

/** Reads `file`, for `adapter` and the kernels of version `kernels`, asked for where there is a file. */
export const readTuning: (
  file: string,
  adapter: AdapterIdentity,
  kernels: Effect.Effect<string>,
) => Effect.Effect<ReadTuning, never, FileSystem.FileSystem> = Effect.fnUntraced(
  function* (file, adapter, kernels) {
    const ignored = (why: string): ReadTuning => ({
      _tag: "Ignored",
      why: `${file} ${why}: ${again}`,
    });
    const text = yield* Effect.result(readIfPresent(file));
    if (Result.isFailure(text)) return ignored(`cannot be read (${text.failure.message})`);
    if (text.success === undefined) return { _tag: "None" };
    const found = decode(text.success);
    if (Result.isFailure(found)) return ignored(`holds no measurements (${found.failure})`);
    const { adapter: own, products, kernels: version } = found.success;
    const other = differences(own, adapter);
    if (other.length > 0) return ignored(`was measured on another adapter (${other.join(", ")})`);
    if (version !== (yield* kernels)) return ignored("was measured with other kernels");
    return { _tag: "Read", products };
  },
);

const decode = (text: string): Result.Result<TuningFile, string> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return Result.fail("no JSON");
  }
  return Result.mapError(
    Schema.decodeUnknownResult(TuningFile)(json),
    ({ message }) => message.replaceAll(/\s+/g, " "),
  );
};

const differences = (found: AdapterIdentity, expected: AdapterIdentity): ReadonlyArray<string> =>
  (Object.keys(expected) as ReadonlyArray<keyof AdapterIdentity>)
    .filter((key) => found[key] !== expected[key])
    .map((key) => `${key} ${found[key]}, not ${expected[key]}`);

/** Writes `file` and the folders above it, whole or not at all. */
export const writeTuning: (
  file: string,
  content: TuningFile,
) => Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function* (file, content) {
    const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path];
    const directory = path.dirname(file);
    yield* fs.makeDirectory(directory, { recursive: true }).pipe(refuse(directory));
    yield* writeWhole(file, formatJson(content)).pipe(refuse(file));
  },
);

/** What ops ask, answered from `products`. */
export const tuningOf = (products: TuningFile["products"]): Tuning => ({
  configurationOf: (product) => {
    const key = classOf(product);
    return Object.hasOwn(products, key) ? products[key]?.configuration : undefined;
  },
});
