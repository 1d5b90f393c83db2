/** Reads fields of `config.json`: a value is of the kind and in the range that is expected, or refused. @module */
import { Effect } from "effect";
import { ModelError } from "./model_error.ts";

/** Fields of `config.json`, or of an object inside it. */
export interface Fields {
  readonly values: Readonly<Record<string, unknown>>;
  /** What a field's name is preceded by in messages: nothing, or such as `rope_scaling.`. */
  readonly path: string;
}

/** f32 counts exactly up to here, and no published model has a size above it. */
export const LARGEST_COUNT: number = 2 ** 24;

const shortened = (text: string): string => text.length > 60 ? `${text.slice(0, 60)}…` : text;

// Nested values are described, not printed: JSON.stringify recurses, and a file may nest very deep.
const shown = (value: unknown): string => {
  if (value === undefined) return "missing";
  if (typeof value === "string") return JSON.stringify(shortened(value));
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value !== "object" || value === null) return shortened(String(value));
  return `an object of ${shortened(Object.keys(value).join(", ")) || "nothing"}`;
};

/** The refusal of `field`; thrown by everything that reads, and caught by {@linkcode decoding}. */
export const badField = ({ values, path }: Fields, field: string, expected: string): ModelError =>
  new ModelError({
    reason: { _tag: "BadField", field: path + field, expected, actual: shown(values[field]) },
  });

/** Runs `read`, which throws refusals; anything else that it throws is a bug. */
export const decoding = <A>(
  config: Readonly<Record<string, unknown>>,
  read: (config: Fields) => A,
): Effect.Effect<A, ModelError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(read({ values: config, path: "" }));
    } catch (cause) {
      return cause instanceof ModelError ? Effect.fail(cause) : Effect.die(cause);
    }
  });

/** A number above 0 that f32 holds; `fallback` where the field is missing. */
export const positive = (fields: Fields, field: string, fallback?: number): number => {
  const value = fields.values[field] === undefined ? fallback : fields.values[field];
  const held = typeof value === "number" && Number.isFinite(Math.fround(value));
  if (held && Math.fround(value) > 0) return value;
  throw badField(fields, field, "a positive number");
};

/** A whole number from 1 to `most`; `fallback` where the field is missing. */
export const count = (
  fields: Fields,
  field: string,
  { fallback, most = LARGEST_COUNT }: { readonly fallback?: number; readonly most?: number } = {},
): number => {
  const value = fields.values[field] === undefined ? fallback : fields.values[field];
  const whole = typeof value === "number" && Number.isInteger(value);
  if (whole && value >= 1 && value <= most) return value;
  throw badField(fields, field, `a whole number from 1 to ${most}`);
};

/** As {@linkcode count}, but null stands for nothing. */
export const optionalCount = (
  fields: Fields,
  field: string,
  fallback?: number,
): number | undefined => {
  const value = fields.values[field];
  if (value === null || (value === undefined && fallback === undefined)) return undefined;
  return count(fields, field, fallback === undefined ? {} : { fallback });
};

/** As {@linkcode positive}, but null stands for nothing. */
export const optionalPositive = (
  fields: Fields,
  field: string,
  fallback?: number,
): number | undefined => {
  const value = fields.values[field];
  if (value === null || (value === undefined && fallback === undefined)) return undefined;
  return positive(fields, field, fallback);
};

/** True or false; `fallback` where the field is missing. */
export const flag = (fields: Fields, field: string, fallback: boolean): boolean => {
  const value = fields.values[field];
  if (value === undefined) return fallback;
  if (typeof value === "boolean") return value;
  throw badField(fields, field, "true or false");
};

/** What `known` says about the name in the field; `fallback` is a name too. */
export const choice = <A>(
  fields: Fields,
  field: string,
  known: ReadonlyMap<unknown, A>,
  fallback: string,
): A => {
  const value = fields.values[field];
  const found = known.get(value === undefined ? fallback : value);
  if (found !== undefined) return found;
  throw badField(fields, field, `one of ${[...known.keys()].join(", ")}`);
};

/** The items of a list of `length`, or of at least so many; undefined where it is missing or null. */
export const optionalList = <A>(
  fields: Fields,
  field: string,
  length: number,
  { item, atLeast = false }: {
    readonly item: (items: Fields, index: string) => A;
    readonly atLeast?: boolean;
  },
): ReadonlyArray<A> | undefined => {
  const value = fields.values[field] ?? undefined;
  if (value === undefined) return undefined;
  const fits = Array.isArray(value) &&
    (value.length === length || (atLeast && value.length > length));
  if (!fits) throw badField(fields, field, `a list of ${atLeast ? "at least " : ""}${length}`);
  const items: Fields = {
    values: Object.fromEntries(value.slice(0, length).map((item, index) => [`[${index}]`, item])),
    path: fields.path + field,
  };
  return Array.from({ length }, (_, index) => item(items, `[${index}]`));
};

/** The fields of the object in the field; undefined where it is missing or null. */
export const optionalFields = (fields: Fields, field: string): Fields | undefined => {
  const value = fields.values[field] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw badField(fields, field, "an object");
  return { values: value as Readonly<Record<string, unknown>>, path: `${fields.path}${field}.` };
};
