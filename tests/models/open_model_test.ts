import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { openModel } from "../../src/models/open_model.ts";
import { platform } from "../../src/platform.ts";
import { openSafetensors, writeModelDirectory } from "../../src/weights/model_directory.ts";
import type { HostTensor } from "../../src/weights/weights.ts";

const golden = "fixtures/goldens/llama_tied";
const norm = "model.layers.1.input_layernorm.weight";
const query = "model.layers.0.self_attn.q_proj.weight";

type Tensors = Readonly<Record<string, HostTensor>>;

/** The golden's directory with another config and other tensors, opened. */
const openChanged = (
  changeConfig: Readonly<Record<string, unknown>>,
  changeTensors: (tensors: Tensors) => Tensors = (tensors) => tensors,
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const weights = yield* openSafetensors(`${golden}/model.safetensors`);
    const tensors: Record<string, HostTensor> = {};
    for (const name of weights.names) tensors[name] = yield* weights.read(name);
    const directory = yield* fs.makeTempDirectoryScoped();
    const config = JSON.parse(yield* fs.readFileString(`${golden}/config.json`));
    yield* writeModelDirectory(directory, {
      config: { ...config, ...changeConfig },
      tensors: changeTensors(tensors),
      ...{ tokenizer: {}, tokenizerConfig: {}, dtype: "F32" },
    });
    return yield* openModel(directory);
  });

const messageOf = (...args: Parameters<typeof openChanged>): Promise<string> =>
  Effect.runPromise(
    Effect.scoped(Effect.flip(openChanged(...args))).pipe(
      Effect.map(({ message }) => message),
      Effect.provide(platform),
    ),
  );

Deno.test("openModel() opens what Hugging Face wrote, a tied head stored beside it too", async () => {
  const opened = await Effect.runPromise(
    Effect.scoped(openChanged({}, (tensors) => ({
      ...tensors,
      "lm_head.weight": tensors["model.embed_tokens.weight"]!,
    }))).pipe(Effect.provide(platform)),
  );
  assert.equal(opened.shape.modelType, "llama");
});

Deno.test("openModel() refuses tensors that are missing, extra, or of another shape, by name", async () => {
  const without = (name: string) => ({ [name]: _, ...rest }: Tensors): Tensors => rest;
  assert.match(await messageOf({}, without(norm)), /has no tensor "model\.layers\.1\.input_layern/);
  assert.match(
    await messageOf({}, (tensors) => ({ ...tensors, "model.layers.9.extra": tensors[norm]! })),
    /should hold no tensor that would be ignored but has model\.layers\.9\.extra$/,
  );
  assert.match(
    await messageOf({}, (tensors) => ({ ...tensors, [query]: tensors[norm]! })),
    /self_attn\.q_proj\.weight should be \[\d+,\d+\] but is \[\d+\]$/,
  );
});

Deno.test("openModel() refuses weights that the config does not describe", async () => {
  assert.match(await messageOf({ num_hidden_layers: 3 }), /has no tensor "model\.layers\.2\./);
  assert.match(await messageOf({ num_hidden_layers: 1 }), /ignored but has model\.layers\.1\./);
  assert.match(await messageOf({ vocab_size: 9 }), /embed_tokens\.weight should be \[9,\d+\] but/);
  assert.match(await messageOf({ tie_word_embeddings: false }), /has no tensor "lm_head\.weight"/);
  assert.match(await messageOf({ model_type: "mamba" }), /mamba/);
});
