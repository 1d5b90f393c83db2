// A real tokenizer (phi-3-mini: the Llama-2 vocabulary and special tokens) on the reference's chats.
// DELIA_REAL_DATA names a folder with tokenizers/phi-3-mini.tokenizer.json and
// delia/train_dataset.jsonl; without it these tests are ignored.
import assert from "node:assert/strict";
import { Effect, Stream } from "effect";
import { chatsFromBytes } from "../../src/data/jsonl.ts";
import { encodeChat } from "../../src/data/example.ts";
import { makeTokenizer, type Tokenizer } from "../../src/data/tokenizer.ts";

const folder = Deno.env.get("DELIA_REAL_DATA");

const readText = (path: string): string | undefined => {
  if (folder === undefined) return undefined;
  try {
    return Deno.readTextFileSync(`${folder}/${path}`);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
};
const json = readText("tokenizers/phi-3-mini.tokenizer.json");
const chats = readText("delia/train_dataset.jsonl");
const absent = json === undefined || chats === undefined;
if (absent) {
  console.log(`Ignored: DELIA_REAL_DATA (${folder}) holds no phi-3-mini tokenizer and chats`);
}

const template = "{{ bos_token }}{% for message in messages %}" +
  "{{ '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}";

const open = (): Tokenizer =>
  Effect.runSync(makeTokenizer({
    tokenizer: JSON.parse(json ?? ""),
    config: {
      bos_token: "<s>",
      eos_token: "<|endoftext|>",
      unk_token: "<unk>",
      chat_template: template,
    },
  })).withTokens(["<sep>"]).tokenizer;

const tokens = (tokenizer: Tokenizer, ids: ReadonlyArray<number>) =>
  ids.map((id) => tokenizer.tokenOf(id));

Deno.test({
  name: "Tokenizer.withTokens() keeps the spaces around <sep>, as tokens of their own",
  ignore: absent,
  fn: () => {
    const tokenizer = open();
    // The vocabulary marks a word by the space before it. Text after <sep> starts anew, so it gets
    // a mark of its own: a space that stood there already is one more token, and stays in the text.
    for (
      const [text, expected, back] of [
        ["the<sep>format", ["▁the", "<sep>", "▁format"], "the<sep> format"],
        [
          "the <sep> format",
          ["▁the", "▁", "<sep>", "▁", "▁format"],
          "the <sep>  format",
        ],
        ["<sep>, and", ["<sep>", "▁,", "▁and"], "<sep> , and"],
      ] as const
    ) {
      assert.deepEqual(tokens(tokenizer, tokenizer.encode(text)), expected);
      assert.equal(tokenizer.decode(tokenizer.encode(text)), back);
    }
  },
});

Deno.test({
  name: "encodeChat() finds the answer and its end of turn in every real chat",
  ignore: absent,
  fn: async () => {
    const tokenizer = open();
    assert.deepEqual(tokens(tokenizer, tokenizer.stopIds), ["<|endoftext|>", "<|end|>"]);
    const read = chatsFromBytes("train_dataset.jsonl", () => new Blob([chats ?? ""]).stream());
    const all = await Effect.runPromise(Stream.runCollect(read));
    assert.equal(all.length, 100);
    for (const chat of all) {
      const { ids, supervised } = Effect.runSync(encodeChat(tokenizer, chat, { maxTokens: 700 }));
      const answer = ids.filter((_, i) => supervised[i]);
      assert.equal(tokenizer.decode(answer), `${chat.messages[1]?.content}<|end|>`);
      assert.equal(ids.filter((id) => id === tokenizer.bosId).length, 1);
      assert.ok(ids.includes(tokenizer.idOf("<sep>")!));
    }
  },
});
