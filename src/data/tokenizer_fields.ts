/** What the readers of a tokenizer's parts share: JSON objects, and the error that names a bad part. @module */
import { DataError } from "./data_error.ts";

/** A JSON object whose fields have not been checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a parsed JSON value is an object. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The error of a tokenizer that cannot be used as the reference uses it. */
export const badTokenizer = (report: string): DataError =>
  new DataError({ reason: { _tag: "BadTokenizer", report } });
