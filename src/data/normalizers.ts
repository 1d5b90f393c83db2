/** Normalizers of `tokenizer.json` in the form in which the library computes what the reference does. @module */
import { badTokenizer, isObject } from "./tokenizer_fields.ts";

// Left out: Precompiled, BertNormalizer, Lowercase, Strip, StripAccents, Nmt, ByteLevel. The library
// approximates them or has them not, and no tokenizer of the families here uses them.
const known = ["Sequence", "Prepend", "Replace", "NFC", "NFD", "NFKC", "NFKD"];

/** The normalizer for the library; throws `BadTokenizer` for one that it computes otherwise. */
export const exactNormalizer = (normalizer: unknown): unknown => {
  if (normalizer === null) return null;
  const type = isObject(normalizer) ? normalizer["type"] : undefined;
  if (!isObject(normalizer) || typeof type !== "string" || !known.includes(type)) {
    throw badTokenizer(`its normalizer should be one of ${known.join(", ")} but is ${type}`);
  }
  if (type === "Sequence") {
    const { normalizers } = normalizer;
    return {
      type,
      normalizers: Array.isArray(normalizers) ? normalizers.map(exactNormalizer) : [],
    };
  }
  if (type !== "Replace") return normalizer;
  // The library reads `$&` in the replacement; the reference writes it as it is.
  return { ...normalizer, content: String(normalizer["content"]).replaceAll("$", "$$$$") };
};
