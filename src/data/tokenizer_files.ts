/** A tokenizer's files in a model directory: read and written. @module */
import { Effect, FileSystem, Layer, type PlatformError } from "effect";
import { DataError } from "./data_error.ts";
import { makeTokenizer, Tokenizer } from "./tokenizer.ts";

const reading =
  (file: string) =>
  <A>(read: Effect.Effect<A, PlatformError.PlatformError>): Effect.Effect<A, DataError> =>
    Effect.mapError(
      read,
      ({ message }) => new DataError({ reason: { _tag: "CannotRead", file, report: message } }),
    );

/**
 * Reads `tokenizer.json`, `tokenizer_config.json` and, where there is one, `chat_template.jinja`
 * of a Hugging Face model directory. Fails with `CannotRead` or whatever `makeTokenizer` fails with.
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
    const tokenizer = yield* readJson("tokenizer.json");
    const config = yield* readJson("tokenizer_config.json");
    const template = `${directory}/chat_template.jinja`;
    const hasTemplate = yield* files.exists(template).pipe(reading(template));
    if (!hasTemplate) return yield* makeTokenizer({ tokenizer, config });
    const chatTemplate = yield* files.readFileString(template).pipe(reading(template));
    return yield* makeTokenizer({ tokenizer, config, chatTemplate });
  });

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
    const files = yield* FileSystem.FileSystem;
    const { tokenizer: model, config, chatTemplate } = tokenizer.toFiles();
    const write = (name: string, text: string) =>
      files.writeFileString(`${directory}/${name}`, text);
    yield* write("tokenizer.json", `${JSON.stringify(model, null, 2)}\n`);
    yield* write("tokenizer_config.json", `${JSON.stringify(config, null, 2)}\n`);
    if (chatTemplate !== undefined) yield* write("chat_template.jinja", chatTemplate);
  });
