// The tokenizers of the families against what the Python library `tokenizers` makes of the same texts.
// fixtures/goldens/tokenizers is made by tests/parity/make_tokenizer_goldens.py.
import assert from "node:assert/strict";
import { Effect } from "effect";
import { makeTokenizer, type Tokenizer } from "../../src/data/tokenizer.ts";
import type { TokenizerFiles } from "../../src/data/tokenizer_json.ts";
import { families, readGolden, readTexts } from "../support/tokenizer_goldens.ts";

const texts = readTexts();

const open = (files: TokenizerFiles): Tokenizer =>
  Effect.runSync(makeTokenizer(files)).withTokens(["<sep>"]).tokenizer;

const spelled = (tokenizer: Tokenizer, ids: ReadonlyArray<number>) =>
  ids.map((id) => tokenizer.tokenOf(id));

const unstripped = { single_word: false, lstrip: false, rstrip: false };

interface Written {
  readonly added_tokens?: ReadonlyArray<{ readonly id: number; readonly content: string }>;
  readonly added_tokens_decoder?: Readonly<Record<number, unknown>>;
  readonly tokenizer_class?: string;
}

for (const family of families) {
  Deno.test(`Tokenizer.encode() gives the reference's ids of ${texts.length} texts, for ${family}`, () => {
    const golden = readGolden(family);
    const tokenizer = open(golden);
    assert.equal(tokenizer.idOf("<sep>"), golden.sep);
    for (const [i, text] of texts.entries()) {
      const expected = golden.ids[i] ?? [];
      assert.deepEqual(
        spelled(tokenizer, tokenizer.encode(text)),
        spelled(tokenizer, expected),
        JSON.stringify(text),
      );
      assert.deepEqual(tokenizer.encode(text), expected, JSON.stringify(text));
    }
    assert.deepEqual(tokenizer.encode("hello", { addSpecial: true }), golden.withSpecial);
  });

  Deno.test(`Tokenizer.decode() gives the reference's text of ids, for ${family}`, () => {
    const golden = readGolden(family);
    const tokenizer = open(golden);
    for (const [i, ids] of golden.ids.entries()) {
      assert.equal(tokenizer.decode(ids), golden.decoded[i], JSON.stringify(texts[i]));
      assert.equal(tokenizer.decode(ids.slice(1, -1)), golden.cut[i], JSON.stringify(texts[i]));
    }
    for (const [id, piece] of golden.pieces.entries()) {
      assert.equal(tokenizer.decode([id]), piece, `token ${id}`);
    }
  });

  Deno.test(`Tokenizer.toFiles() carries <sep> to the same ids, for ${family}`, () => {
    const golden = readGolden(family);
    const files: TokenizerFiles = JSON.parse(JSON.stringify(open(golden).toFiles()));
    // Both files hold it, for transformers' classes that read only one; no class may rebuild the rest.
    const sep = { content: "<sep>", special: true, normalized: false, ...unstripped };
    const { added_tokens } = files.tokenizer as Written;
    const { tokenizer_class, added_tokens_decoder } = files.config as Written;
    assert.deepEqual(added_tokens?.find(({ content }) => content === "<sep>"), {
      id: golden.sep,
      ...sep,
    });
    assert.deepEqual(added_tokens_decoder?.[golden.sep], sep);
    assert.equal(tokenizer_class, "PreTrainedTokenizerFast");
    const again = Effect.runSync(makeTokenizer(files));
    assert.deepEqual(texts.map((text) => again.encode(text)), golden.ids);
  });
}
