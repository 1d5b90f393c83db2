/** Changes fields of a `config.json` as text. @module */
import { formatJson } from "../weights/files.ts";

// What TypeScript has no types for yet: the text of a number where it is parsed, and of one to write.
interface SourceJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source: string }) => unknown,
  ): Readonly<Record<string, unknown>>;
  rawJSON(text: string): unknown;
}
const sourceJson = JSON as unknown as SourceJson;

/**
 * `text`, a JSON object, with the fields of `changes` in place of its own or behind them. Every other
 * number stays as it is spelled: `30.0` written as `30` is an int in Python, and transformers refuses
 * an int where a field is a float.
 */
export const changeConfig = (
  text: string,
  changes: Readonly<Record<string, unknown>>,
): string => {
  const config = sourceJson.parse(
    text,
    (_, value, { source }) => typeof value === "number" ? sourceJson.rawJSON(source) : value,
  );
  return formatJson({ ...config, ...changes });
};
