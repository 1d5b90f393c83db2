/** The ids that a tokenizer puts around a text: BOS in front, in most families. @module */
import { badTokenizer, isObject, type JsonObject } from "./tokenizer_fields.ts";

/** Ids before and behind a text that is encoded with special tokens. */
export interface SpecialIds {
  readonly before: ReadonlyArray<number>;
  readonly behind: ReadonlyArray<number>;
}

/**
 * Reads the `post_processor` of `tokenizer.json`. `add_bos_token` and `add_eos_token` of
 * `tokenizer_config.json` win over it, as they do in transformers; `bos` and `eos` are their ids.
 */
export const readSpecialIds = (
  postProcessor: unknown,
  config: JsonObject,
  { bos, eos }: { readonly bos: number | undefined; readonly eos: number },
): SpecialIds => {
  const { add_bos_token, add_eos_token } = config;
  if (typeof add_bos_token === "boolean" || typeof add_eos_token === "boolean") {
    return {
      before: add_bos_token === true && bos !== undefined ? [bos] : [],
      behind: add_eos_token === true ? [eos] : [],
    };
  }
  return ofProcessor(postProcessor ?? null);
};

const known = ["Sequence", "ByteLevel", "TemplateProcessing"];

const ofProcessor = (processor: unknown): SpecialIds => {
  if (processor === null) return { before: [], behind: [] };
  const type = isObject(processor) ? processor["type"] : undefined;
  if (!isObject(processor) || typeof type !== "string" || !known.includes(type)) {
    throw badTokenizer(`its post_processor should be one of ${known.join(", ")} but is ${type}`);
  }
  if (type === "ByteLevel") return { before: [], behind: [] }; // changes offsets only
  if (type === "TemplateProcessing") return ofTemplate(processor);
  const { processors } = processor;
  return (Array.isArray(processors) ? processors.map(ofProcessor) : []).reduce(
    (inner, outer) => ({
      before: [...outer.before, ...inner.before],
      behind: [...inner.behind, ...outer.behind],
    }),
    { before: [], behind: [] },
  );
};

const ofTemplate = ({ single, special_tokens }: JsonObject): SpecialIds => {
  const [before, behind]: [Array<number>, Array<number>] = [[], []];
  let into = before;
  for (const item of Array.isArray(single) ? single : []) {
    const token = isObject(item) ? item["SpecialToken"] : undefined;
    if (!isObject(token)) {
      into = behind; // the text itself
      continue;
    }
    const entry = isObject(special_tokens) ? special_tokens[String(token["id"])] : undefined;
    const ids = isObject(entry) ? entry["ids"] : undefined;
    if (!Array.isArray(ids)) {
      throw badTokenizer(`its post_processor names no ids of ${token["id"]}`);
    }
    into.push(...ids.map(Number));
  }
  return { before, behind };
};
