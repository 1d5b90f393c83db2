// What the reference computes and this does not, or what nobody can encode, is refused by name.
import assert from "node:assert/strict";
import { Effect } from "effect";
import { makeTokenizer } from "../../src/data/tokenizer.ts";
import { readGolden } from "../support/tokenizer_goldens.ts";

const { tokenizer: gpt2, config } = readGolden("gpt2");
const model = gpt2["model"] as Readonly<Record<string, unknown>>;
const llama2 = readGolden("llama2");

const refusal = (tokenizer: unknown, settings: unknown = config): string =>
  Effect.runSync(Effect.flip(makeTokenizer({ tokenizer, config: settings }))).message;

const added = (token: Readonly<Record<string, unknown>>) => ({
  ...gpt2,
  added_tokens: [...gpt2["added_tokens"] as ReadonlyArray<unknown>, token],
});

Deno.test("makeTokenizer() names the part that it does not compute as the reference does", () => {
  const split = (parts: object) => ({ ...gpt2, pre_tokenizer: { type: "Split", ...parts } });
  const cases: ReadonlyArray<readonly [unknown, string]> = [
    [
      { ...gpt2, normalizer: { type: "Lowercase" } },
      "its normalizer should be one of Sequence, Prepend, Replace, NFC but is Lowercase",
    ],
    [
      { ...gpt2, normalizer: { type: "Replace", pattern: { Regex: " +" }, content: " " } },
      "the Replace step of its normalizer should replace one text by another",
    ],
    [
      { ...gpt2, pre_tokenizer: { type: "Whitespace" } },
      "its pre_tokenizer should be one of Sequence, ByteLevel, Digits, Metaspace, Split, " +
      "WhitespaceSplit but is Whitespace",
    ],
    [
      split({ pattern: { Regex: "\\s+" }, behavior: "Contiguous", invert: false }),
      'the split with behavior Contiguous, invert false and pattern {"Regex":"\\\\s+"} ' +
      "is not computed here",
    ],
    [
      split({ pattern: { Regex: "(?i:abc)" }, behavior: "Isolated", invert: false }),
      "the split (?i:abc) ignores case, which is not computed here",
    ],
    [
      { ...gpt2, decoder: { type: "WordPiece", prefix: "##" } },
      "its decoder should be one of Sequence, ByteLevel, ByteFallback, Fuse, Metaspace, Replace, " +
      "Strip but is WordPiece",
    ],
    [
      { ...gpt2, post_processor: { type: "BertProcessing" } },
      "its post_processor should be one of Sequence, ByteLevel, TemplateProcessing but is " +
      "BertProcessing",
    ],
    [
      { ...gpt2, model: { type: "Unigram", vocab: [["a", 0]], unk_id: 0 } },
      "tokenizer.json should hold a model with a vocab object",
    ],
    [
      { ...gpt2, model: { ...model, type: "WordPiece" } },
      "its model should be BPE or WordLevel but is WordPiece",
    ],
    [
      { ...gpt2, model: { ...model, dropout: 0.1 } },
      "dropout of its BPE model is 0.1, which is not computed here",
    ],
    [
      { ...gpt2, model: { ...model, end_of_word_suffix: "</w>" } },
      "end_of_word_suffix of its BPE model is </w>, which is not computed here",
    ],
    [
      { ...gpt2, model: { ...model, merges: [["a", "nowhere"]] } },
      'the merge ["a","nowhere"] names no tokens of its vocabulary',
    ],
  ];
  for (const [tokenizer, report] of cases) {
    assert.equal(refusal(tokenizer), `The tokenizer cannot be used: ${report}`);
  }
});

Deno.test("makeTokenizer() refuses ids that the reference would give to other tokens", () => {
  const next = Math.max(...readGolden("gpt2").pieces.keys()); // where the golden has <sep>
  assert.equal(
    refusal(added({ id: 9999, content: "<far>", special: true })),
    "The tokenizer cannot be used: added_tokens of tokenizer.json gives <far> the id 9999, " +
      `but it is token ${next}`,
  );
  const vocab = { a: 0, b: 2 };
  assert.equal(
    refusal({ ...gpt2, added_tokens: [], model: { type: "WordLevel", vocab } }, { eos_token: "a" }),
    "The tokenizer cannot be used: its ids leave a gap before 2, so the id of a new token is not " +
      "certain",
  );
});

Deno.test("makeTokenizer() refuses settings of the config that would change the ids", () => {
  assert.equal(
    refusal(gpt2, { ...config, split_special_tokens: true }),
    "The tokenizer cannot be used: split_special_tokens of tokenizer_config.json is not computed here",
  );
  assert.equal(
    refusal(gpt2, { ...config, additional_special_tokens: ["<tool>"] }),
    "The tokenizer cannot be used: tokenizer_config.json names <tool>, which the vocabulary lacks",
  );
  assert.equal(
    refusal(gpt2, { ...config, mask_token: "<mask>" }),
    "The tokenizer cannot be used: mask_token is <mask>, which the vocabulary lacks",
  );
});

Deno.test("Tokenizer.encode() names the character that a BPE vocabulary cannot spell", () => {
  const { model, added_tokens } = llama2.tokenizer as {
    readonly model: Readonly<Record<string, unknown>>;
    readonly added_tokens: unknown;
  };
  for (const unk_token of ["<unk>", null]) {
    const tokenizer = Effect.runSync(makeTokenizer({
      tokenizer: {
        ...llama2.tokenizer,
        added_tokens,
        model: { ...model, byte_fallback: false, unk_token },
      },
      config: llama2.config,
    }));
    // The reference writes <unk> here or, where there is none, nothing at all.
    assert.throws(() => tokenizer.encode("hello 🙂"), {
      message: 'Expected words of the vocabulary but found "🙂": ' +
        "add it to the tokenizer, or leave the chat out",
    });
    assert.deepEqual(tokenizer.encode("<unk>"), [0]); // asked for by name
  }
});

Deno.test("Tokenizer.encode() refuses half a character", () => {
  const tokenizer = Effect.runSync(makeTokenizer({ tokenizer: gpt2, config }));
  assert.throws(() => tokenizer.encode("a\ud83d b"), {
    message: 'Expected words of the vocabulary but found "\\ud83d": ' +
      "add it to the tokenizer, or leave the chat out",
  });
});

Deno.test("makeTokenizer() takes add_bos_token before the post_processor, as transformers does", () => {
  const { tokenizer, config } = llama2;
  const encode = (settings: object) =>
    Effect.runSync(makeTokenizer({ tokenizer, config: { ...config, ...settings } }))
      .encode("hello", { addSpecial: true });
  const [bos, ...hello] = llama2.withSpecial;
  assert.deepEqual(encode({}), [bos, ...hello]);
  assert.deepEqual(encode({ add_bos_token: false }), hello);
  assert.deepEqual(encode({ add_bos_token: true, add_eos_token: true }), [bos, ...hello, 2]);
});

Deno.test("makeTokenizer() adds the tokens of added_tokens_decoder, with their flags", () => {
  const { tokenizer, config } = llama2;
  const { added_tokens, ...rest } = tokenizer as { readonly added_tokens: ReadonlyArray<object> };
  const added_tokens_decoder = Object.fromEntries(
    (added_tokens as ReadonlyArray<{ readonly id: number }>).map(({ id, ...flags }) => [id, flags]),
  );
  const open = (files: { readonly tokenizer: unknown; readonly config: unknown }) =>
    Effect.runSync(makeTokenizer(files));
  const moved = open({
    tokenizer: { ...rest, added_tokens: [] },
    config: { ...config, added_tokens_decoder },
  });
  const text = "a  <both> b<s>c <norm>";
  assert.deepEqual(moved.encode(text), open({ tokenizer, config }).encode(text));
});
