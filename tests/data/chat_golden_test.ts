// Chats through chat templates in the style of the families, against what transformers renders, encodes
// and masks. fixtures/goldens/tokenizers is made by tests/parity/make_tokenizer_goldens.py.
import assert from "node:assert/strict";
import { Effect } from "effect";
import { DataError } from "../../src/data/data_error.ts";
import { makeTokenizer, type Rendered, type Tokenizer } from "../../src/data/tokenizer.ts";
import {
  type ChatGolden,
  families,
  readGolden,
  readTemplate,
  type TokenizerGolden,
} from "../support/tokenizer_goldens.ts";

const open = (golden: TokenizerGolden, chatTemplate: string): Tokenizer =>
  Effect.runSync(makeTokenizer({ ...golden, chatTemplate })).withTokens(["<sep>"]).tokenizer;

// Chats (by number) whose spans cannot be proved, where transformers takes in the token that straddles
// the start of the answer, or where the template rewrites earlier turns.
const straddle = {
  "llama2 zephyr": [2, 3, 4],
  "qwen2 chatml": [4],
  "qwen2 chatml_default": [4],
};
const rewrite = { "qwen2 qwen3": [2, 3, 4, 6] };
const listed = (chats: Readonly<Record<string, ReadonlyArray<number>>>, name: string, k: number) =>
  chats[name]?.includes(k) === true;

const mask = ({ ids, spans }: Rendered): ReadonlyArray<number> => {
  const bits = ids.map(() => 0);
  for (const { role, start, end } of spans) if (role === "assistant") bits.fill(1, start, end);
  return bits;
};

// <|assistant|> of Phi-3 takes the white space behind it, that of the answer included, which makes it
// a token of the assistant in transformers. Here it stays the template's.
const masked = (tokenizer: Tokenizer, { ids, assistant }: ChatGolden): ReadonlyArray<number> =>
  assistant.map((bit, i) => tokenizer.tokenOf(ids[i]!) === "<|assistant|>" ? 0 : bit);

for (const family of families) {
  const golden = readGolden(family);
  for (const template of new Set(golden.chats.map((chat) => chat.template))) {
    const chats = golden.chats.filter((chat) => chat.template === template);
    const name = `${family} ${template}`;
    for (const kind of ["plain", "marked"] as const) {
      Deno.test(`Tokenizer.render() gives transformers' ids and assistant tokens, for ${family} with ${kind} ${template}`, () => {
        const tokenizer = open(golden, readTemplate(template)[kind]);
        for (const [k, chat] of chats.entries()) {
          const refused = listed(straddle, name, k) ||
            (kind === "plain" && listed(rewrite, name, k));
          const rendered = Effect.runSync(Effect.result(tokenizer.render(chat.messages)));
          if (rendered._tag === "Failure") {
            assert.ok(rendered.failure instanceof DataError);
            const expected = chat.error === undefined ? "SpansNotProvable" : "BadTemplate";
            assert.equal(rendered.failure.reason._tag, expected, `chat ${k}`);
            assert.ok(
              refused || chat.error !== undefined,
              `chat ${k}: ${rendered.failure.message}`,
            );
            continue;
          }
          assert.ok(!refused && chat.error === undefined, `chat ${k} should be refused`);
          assert.deepEqual(rendered.success.ids, chat.ids, `ids of chat ${k}`);
          assert.deepEqual(mask(rendered.success), masked(tokenizer, chat), `mask of chat ${k}`);
          const prompt = tokenizer.render(chat.messages.slice(0, -1), {
            addGenerationPrompt: true,
          });
          assert.deepEqual(Effect.runSync(prompt).ids, chat.prompt, `prompt of chat ${k}`);
        }
      });
    }
  }
}

Deno.test("Tokenizer.render() says why it refuses, and what to do", () => {
  const qwen2 = readGolden("qwen2");
  const refusal = (template: string, k: number) => {
    const tokenizer = open(qwen2, readTemplate(template).plain);
    const chat = qwen2.chats.filter((chat) => chat.template === template)[k];
    return Effect.runSync(Effect.flip(tokenizer.render(chat?.messages ?? []))).message;
  };
  assert.equal(
    refusal("qwen3", 2),
    "The tokens of messages[1] cannot be told from its neighbours' (the template renders it " +
      "otherwise when more messages follow): make each turn a chat of its own, or mark the " +
      "assistant's turn with {% generation %} in the chat template",
  );
  assert.equal(
    refusal("chatml", 4),
    "The tokens of messages[4] cannot be told from its neighbours' (a token straddles the start of " +
      "the answer): take the white space off the start of its content, or word it otherwise there",
  );
});
