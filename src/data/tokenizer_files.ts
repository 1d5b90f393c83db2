/** A tokenizer's files in a model directory: read and written. @module */
import { Effect, FileSystem, Layer, type PlatformError } from "effect";
import { writeWhole } from "../files/write_whole.ts";
import { fileProblem } from "../weights/file_problem.ts";
import { DataError } from "./data_error.ts";
import { makeTokenizer, Tokenizer } from "./tokenizer.ts";
import { isObject, type JsonObject } from "./tokenizer_fields.ts";

const reading =
  (file: string) =>
  <A>(read: Effect.Effect<A, PlatformError.PlatformError>): Effect.Effect<A, DataError> =>
    Effect.mapError(
      read,
      (error) =>
        new DataError({ reason: { _tag: "CannotRead", file, report: fileProblem(error) } }),
    );

/**
 * Reads `tokenizer.json`, `tokenizer_config.json` and, where there are any, `chat_template.jinja`,
 * `special_tokens_map.json` and `added_tokens.json` of a Hugging Face model directory. Fails with `CannotRead` or whatever `makeTokenizer` fails with.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect, FileSystem } from "effect";
 * import { readTokenizer } from "@delia/delia/data";
 *
 * const open = readTokenizer("no-such-model").pipe(Effect.flip);
 * const error = await Effect.runPromise(Effect.provide(open, FileSystem.layerNoop({})));
 * assert(error.message.startsWith("no-such-model/tokenizer.json cannot be read"));
 * ```
 */
export const readTokenizer = (
  directory: string,
): Effect.Effect<Tokenizer, DataError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem;
    const readJson = (name: string) => {
      const file = `${directory}/${name}`;
      return files.readFileString(file).pipe(
        reading(file),
        Effect.flatMap((text) =>
          Effect.try({
            try: (): unknown => JSON.parse(text),
            catch: (cause) =>
              new DataError({ reason: { _tag: "CannotRead", file, report: String(cause) } }),
          })
        ),
      );
    };
    const has = (name: string) =>
      files.exists(`${directory}/${name}`).pipe(reading(`${directory}/${name}`));
    const tokenizer = yield* readJson("tokenizer.json");
    let config = yield* readJson("tokenizer_config.json");
    if (isObject(config) && config["added_tokens_decoder"] === undefined) {
      // Older directories say in files of their own what added_tokens_decoder stands for.
      const map = (yield* has("special_tokens_map.json"))
        ? yield* readJson("special_tokens_map.json")
        : {};
      const added = (yield* has("added_tokens.json")) ? yield* readJson("added_tokens.json") : {};
      config = withLegacyTokens(config, map, added);
    }
    const template = `${directory}/chat_template.jinja`;
    if (!(yield* has("chat_template.jinja"))) return yield* makeTokenizer({ tokenizer, config });
    const chatTemplate = yield* files.readFileString(template).pipe(reading(template));
    return yield* makeTokenizer({ tokenizer, config, chatTemplate });
  });

/** The config with the special tokens of `special_tokens_map.json` and those of `added_tokens.json`. */
const withLegacyTokens = (config: JsonObject, map: unknown, added: unknown): JsonObject => {
  const merged: JsonObject = { ...config, ...(isObject(map) ? map : {}) };
  if (!isObject(added) || Object.keys(added).length === 0) return merged;
  const special = new Set(
    Object.entries(merged).flatMap(([name, token]) =>
      name.endsWith("_token") ? [isObject(token) ? token["content"] : token] : []
    ),
  );
  const decoder = Object.entries(added).map(([content, id]) => {
    const isSpecial = special.has(content);
    return [String(id), { content, normalized: !isSpecial, special: isSpecial }] as const;
  });
  return { ...merged, added_tokens_decoder: Object.fromEntries(decoder) };
};

/** A layer of {@linkcode readTokenizer}. */
export const layerTokenizerFile = (
  directory: string,
): Layer.Layer<Tokenizer, DataError, FileSystem.FileSystem> =>
  Layer.effect(Tokenizer, readTokenizer(directory));

/** Writes the files of {@linkcode readTokenizer} into an existing directory, new tokens included. */
export const writeTokenizer = (
  directory: string,
  tokenizer: Tokenizer,
): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const { tokenizer: model, config, chatTemplate } = tokenizer.toFiles();
    const write = (name: string, text: string) => writeWhole(`${directory}/${name}`, text);
    yield* write("tokenizer.json", `${JSON.stringify(model, null, 2)}\n`);
    yield* write("tokenizer_config.json", `${JSON.stringify(config, null, 2)}\n`);
    if (chatTemplate !== undefined) yield* write("chat_template.jinja", chatTemplate);
  });
