/** The field types that the config schemas share, each with a range, and how a field gets its default. @module */
import { Effect, Schema } from "effect";

/** A whole number from 1. */
export const Count: Schema.Codec<number> = Schema.Int.check(Schema.isGreaterThan(0));

/** A whole number from 0. */
export const CountOrZero: Schema.Codec<number> = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));

/** A number above 0. */
export const Positive: Schema.Codec<number> = Schema.Finite.check(Schema.isGreaterThan(0));

/** A number from 0. */
export const PositiveOrZero: Schema.Codec<number> = Schema.Finite.check(
  Schema.isGreaterThanOrEqualTo(0),
);

/** A number in [0, 1). */
export const Fraction: Schema.Codec<number> = Schema.Finite.check(
  Schema.isBetween({ minimum: 0, maximum: 1, exclusiveMaximum: true }),
);

/** A number in (0, 1]. */
export const Share: Schema.Codec<number> = Schema.Finite.check(
  Schema.isBetween({ minimum: 0, maximum: 1, exclusiveMinimum: true }),
);

/** Some text, not none. */
export const Text: Schema.Codec<string> = Schema.String.check(Schema.isNonEmpty());

/** The same field, `value` where the key is absent. */
export const orDefault = <S extends Schema.Constraint>(
  schema: S,
  value: S["Encoded"],
): Schema.withDecodingDefaultKey<S> =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value))(schema);
