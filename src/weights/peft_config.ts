/** The two JSON files of an adapter folder: PEFT's own configuration, and what PEFT has no place for. @module */
import { Effect, Schema, SchemaIssue } from "effect";
import { malformed } from "./files.ts";
import type { WeightsError } from "./weights_error.ts";

/** What we read of `adapter_config.json`; the literals refuse what would change the meaning if ignored. */
export interface PeftConfig {
  readonly peft_type: "LORA";
  readonly base_model_name_or_path: string | null;
  readonly r: number;
  readonly lora_alpha: number;
  readonly lora_dropout: number;
  readonly use_rslora: boolean;
  readonly trainable_token_indices:
    | ReadonlyArray<number>
    | Readonly<Record<string, ReadonlyArray<number>>>
    | null;
  readonly use_dora: false;
  readonly bias: "none";
  readonly modules_to_save: null;
  readonly rank_pattern: Readonly<Record<string, never>>;
  readonly alpha_pattern: Readonly<Record<string, never>>;
}

const orElse = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)));

const Ids = Schema.Array(Schema.Int);
const Nothing = Schema.Record(Schema.String, Schema.Never);

const PeftConfigCodec: Schema.Codec<PeftConfig, unknown> = Schema.Struct({
  peft_type: Schema.Literal("LORA"),
  base_model_name_or_path: orElse(Schema.NullOr(Schema.String), null),
  r: orElse(Schema.Int, 8),
  lora_alpha: orElse(Schema.Finite, 8),
  lora_dropout: orElse(Schema.Finite, 0),
  use_rslora: orElse(Schema.Boolean, false),
  trainable_token_indices: orElse(
    Schema.NullOr(Schema.Union([Ids, Schema.Record(Schema.String, Ids)])),
    null,
  ),
  use_dora: orElse(Schema.Literal(false), false),
  bias: orElse(Schema.Literal("none"), "none"),
  modules_to_save: orElse(Schema.Null, null),
  rank_pattern: orElse(Nothing, {}),
  alpha_pattern: orElse(Nothing, {}),
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

/** Decodes the content of an `adapter_config.json`. */
export const decodePeftConfig = (
  file: string,
  json: unknown,
): Effect.Effect<PeftConfig, WeightsError> => decode(file, PeftConfigCodec, json);

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
