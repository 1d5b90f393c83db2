/** The two JSON files of an adapter folder: PEFT's own configuration, and what PEFT has no place for. @module */
import { Effect, Schema, SchemaIssue } from "effect";
import { type JsonObject, malformed } from "./files.ts";
import { refuseFields } from "./peft_fields.ts";
import { isPattern } from "./peft_patterns.ts";
import type { Targets } from "./peft_targets.ts";
import type { WeightsError } from "./weights_error.ts";

/** What we read of `adapter_config.json`. */
export interface PeftConfig extends Targets {
  readonly peft_type: "LORA";
  readonly base_model_name_or_path: string | null;
  readonly r: number;
  readonly lora_alpha: number;
  readonly lora_dropout: number;
  readonly use_rslora: boolean;
  readonly use_dora: boolean;
  /** Rank and alpha of the modules that {@linkcode matchPattern} finds. */
  readonly rank_pattern: Readonly<Record<string, number>>;
  readonly alpha_pattern: Readonly<Record<string, number>>;
  /** Rows that are trained: a list is meant for the embedding, a record says it by module. */
  readonly trainable_token_indices:
    | ReadonlyArray<number>
    | Readonly<Record<string, ReadonlyArray<number>>>
    | null;
}

const orElse = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)));

const Rank = Schema.Int.check(Schema.isGreaterThan(0));
const Ids = Schema.Array(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)));

const Names = Schema.Union([Schema.String, Schema.Array(Schema.String)]);

const PeftConfigCodec: Schema.Codec<PeftConfig, unknown> = Schema.Struct({
  peft_type: Schema.Literal("LORA"),
  base_model_name_or_path: orElse(Schema.NullOr(Schema.String), null),
  r: orElse(Rank, 8),
  lora_alpha: orElse(Schema.Finite, 8),
  lora_dropout: orElse(Schema.Finite, 0),
  use_rslora: orElse(Schema.Boolean, false),
  use_dora: orElse(Schema.Boolean, false),
  target_modules: orElse(Schema.NullOr(Names), null),
  exclude_modules: orElse(Schema.NullOr(Names), null),
  layers_to_transform: orElse(
    Schema.NullOr(Schema.Union([Schema.Int, Schema.Array(Schema.Int)])),
    null,
  ),
  layers_pattern: orElse(Schema.NullOr(Names), null),
  rank_pattern: orElse(Schema.Record(Schema.String, Rank), {}),
  alpha_pattern: orElse(Schema.Record(Schema.String, Schema.Finite), {}),
  trainable_token_indices: orElse(
    Schema.NullOr(Schema.Union([Ids, Schema.Record(Schema.String, Ids)])),
    null,
  ),
});

/** One trained row of the embedding. */
export interface TrainedToken {
  readonly id: number;
  /** The token's text, where the folder says it (PEFT's own folders do not). */
  readonly token?: string;
  /** The recipe that its row began as. */
  readonly init?: string;
}

/** The base model that an adapter was trained on, so that another one can be refused. */
export interface AdapterBase {
  /** Directory or hub id. */
  readonly model: string;
  /** Tokens before new ones were added. */
  readonly vocabularySize?: number;
  /** SHA-256 of the base's files, hex by file name. */
  readonly sha256?: Readonly<Record<string, string>>;
}

/** `delia.json`, which lies beside PEFT's files and which PEFT ignores. */
export interface Sidecar {
  readonly base: AdapterBase;
  /** In the order of the trained rows. */
  readonly tokens: ReadonlyArray<TrainedToken>;
}

const SidecarCodec: Schema.Codec<Sidecar, unknown> = Schema.Struct({
  base: Schema.Struct({
    model: Schema.String,
    vocabularySize: Schema.optionalKey(Schema.Int),
    sha256: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  }),
  tokens: Schema.Array(Schema.Struct({
    id: Schema.Int,
    token: Schema.optionalKey(Schema.String),
    init: Schema.optionalKey(Schema.String),
  })),
});

/** Decodes the content of an `adapter_config.json`; refuses what cannot be done as it says. */
export const decodePeftConfig: (
  file: string,
  json: JsonObject,
) => Effect.Effect<PeftConfig, WeightsError> = Effect.fnUntraced(function* (file, json) {
  const config = yield* decode(file, PeftConfigCodec, json);
  yield* refuseFields(file, json);
  for (const field of ["rank_pattern", "alpha_pattern"] as const) {
    const odd = Object.keys(config[field]).find((pattern) => !isPattern(pattern));
    if (odd === undefined) continue;
    return yield* malformed(file, field, "of module names or simple patterns", JSON.stringify(odd));
  }
  return config;
});

/** The rows that are trained, of the embedding and of the head where the folder lists those too. */
export const trainedIds: (
  file: string,
  config: PeftConfig,
) => Effect.Effect<
  { readonly input: ReadonlyArray<number>; readonly listsHead: boolean },
  WeightsError
> = Effect.fnUntraced(function* (file, { trainable_token_indices: indices }) {
  const wrong = (expected: string) =>
    malformed(file, "trainable_token_indices", expected, JSON.stringify(indices).slice(0, 80));
  const lists = indices === null
    ? []
    : isList(indices)
    ? [["embed_tokens", indices] as const]
    : Object.entries(indices);
  const byModule = new Map(lists.map(([path, ids]) => [path.split(".").at(-1)!, ids]));
  const input = byModule.get("embed_tokens") ?? [];
  const output = byModule.get("lm_head");
  const other = [...byModule.keys()].find((name) => name !== "embed_tokens" && name !== "lm_head");
  if (other !== undefined) return yield* wrong("of embed_tokens and lm_head alone");
  if (new Set(input).size < input.length) return yield* wrong("without repeated ids");
  if (output !== undefined && `${output}` !== `${input}`) {
    return yield* wrong("the same ids, in the same order, for lm_head as for embed_tokens");
  }
  return { input, listsHead: output !== undefined };
});

const isList = (
  indices: NonNullable<PeftConfig["trainable_token_indices"]>,
): indices is ReadonlyArray<number> => Array.isArray(indices);

/** Decodes the content of a `delia.json`. */
export const decodeSidecar = (
  file: string,
  json: unknown,
): Effect.Effect<Sidecar, WeightsError> => decode(file, SidecarCodec, json);

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1();

const decode = <A>(
  file: string,
  codec: Schema.Codec<A, unknown>,
  json: unknown,
): Effect.Effect<A, WeightsError> =>
  Schema.decodeUnknownEffect(codec)(json, { reportInput: true }).pipe(
    Effect.mapError(({ issue }) => {
      const first = issuesOf(issue).issues[0];
      const path = first?.path ?? [];
      const found = path.reduce((value: unknown, key) => Object(value)[key as PropertyKey], json);
      const expected = /^Expected (.*?)(, got .*)?$/.exec(first?.message ?? "")?.[1];
      return malformed(
        file,
        path.join("."),
        expected ?? first?.message ?? "valid",
        JSON.stringify(found) ?? "missing",
      );
    }),
  );
