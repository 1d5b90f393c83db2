import assert from "node:assert/strict";
import { Effect } from "effect";
import type { Message } from "../../src/data/chat.ts";
import { makeTokenizer, type Rendered, type Tokenizer } from "../../src/data/tokenizer.ts";
import { tinyFiles, tinyTemplate, tinyTokenizer } from "../support/tiny_tokenizer.ts";

const chat = (...turns: ReadonlyArray<string>): ReadonlyArray<Message> =>
  turns.map((content, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content }));

const words = (tokenizer: Tokenizer, { ids, spans }: Rendered) =>
  spans.map(({ role, start, end }) => [
    role,
    ids.slice(start, end).map((id) => tokenizer.tokenOf(id)).join(" "),
  ]);

Deno.test("Tokenizer.render() tells each message's tokens from its neighbours', end of turn inside", () => {
  const tokenizer = tinyTokenizer();
  const messages = [
    { role: "system", content: "use json" } as const,
    ...chat("hello .", "red", "what is red", "the format"),
  ];
  const rendered = Effect.runSync(tokenizer.render(messages));
  assert.deepEqual(words(tokenizer, rendered), [
    ["system", "<s> <system> use json"],
    ["user", "<user> hello . <assistant>"],
    ["assistant", "red </s>"],
    ["user", "<user> what is red <assistant>"],
    ["assistant", "the format </s>"],
  ]);
});

Deno.test("Tokenizer.render() with a generation prompt is where the answer's span starts", () => {
  const tokenizer = tinyTokenizer();
  const whole = Effect.runSync(tokenizer.render(chat("hello", "world")));
  const prompt = Effect.runSync(tokenizer.render(chat("hello"), { addGenerationPrompt: true }));
  assert.deepEqual(prompt.ids, whole.ids.slice(0, whole.spans[1]?.start));
});

Deno.test("Tokenizer.render() reads {% generation %} blocks", () => {
  const tokenizer = tinyTokenizer(
    "{{ bos_token }}\n{% for message in messages %}\n" +
      "<{{ message.role }}>{% if message.role == 'assistant' %}\n" +
      "{%- generation %}\n {{ message.content }} {{ eos_token }}{% endgeneration %}\n" +
      "{% else %} {{ message.content }}{% endif %}\n{% if loop.last %} . {% endif %}{% endfor %}",
  );
  const rendered = Effect.runSync(tokenizer.render(chat("hello", "red", "is", "world")));
  assert.deepEqual(words(tokenizer, rendered), [
    ["user", "<s> <user> hello <assistant>"],
    ["assistant", "red </s>"],
    ["user", "<user> is <assistant>"],
    ["assistant", "world </s>"],
  ]);
  // The template of this test writes another ending after the last message: no prefix could prove it.
  assert.equal(rendered.ids.length, (rendered.spans.at(-1)?.end ?? 0) + 1);
});

Deno.test("Tokenizer.render() refuses a template whose spans cannot be proved", () => {
  const tokenizer = tinyTokenizer(tinyTemplate + "{% if messages | length > 1 %} .{% endif %}");
  const render = tokenizer.render(chat("hello", "red", "is", "world"));
  const { message, reason } = Effect.runSync(Effect.flip(render));
  assert.equal(reason._tag, "SpansNotProvable");
  assert.match(message, /messages\[1\].*\{% generation %\}/);
});

Deno.test("Tokenizer.render() refuses a template that writes the generation prompt unasked", () => {
  const tokenizer = tinyTokenizer(
    tinyTemplate.replace("{% if add_generation_prompt %} <assistant>{% endif %}", " <assistant>"),
  );
  const { message } = Effect.runSync(Effect.flip(tokenizer.render(chat("hello", "red"))));
  assert.equal(
    message,
    "The tokens of messages[1] cannot be told from its neighbours' (the template may write the " +
      "generation prompt behind it, whatever add_generation_prompt says): write that prompt only " +
      "{% if add_generation_prompt %}, or mark the assistant's turn with {% generation %} in the " +
      "chat template",
  );
});

Deno.test("Tokenizer.render() refuses generation blocks that do not fit the messages", () => {
  const render = (template: string, ...turns: ReadonlyArray<string>) =>
    Effect.runSync(Effect.flip(tinyTokenizer(template).render(chat(...turns)))).message;
  assert.match(
    render("{% generation %}red{% endgeneration %}", "hello", "red", "is", "world"),
    /messages\[1\].*2 assistant messages but 1 generation blocks\): write one/,
  );
  assert.match(
    render(
      "{{ bos_token }}{% generation %}{{ messages[1].content }}{% endgeneration %}",
      "a",
      "\u{F0001}",
    ),
    /messages\[1\].*its content holds the character of a template mark\): take it out$/,
  );
  assert.match(
    Effect.runSync(Effect.flip(tinyTokenizer().render([{ role: "assistant", content: "red" }])))
      .message,
    /messages\[0\].*no user message stands before it\): mark/,
  );
});

Deno.test("Tokenizer.render() refuses a token that straddles the start of the answer", () => {
  const joined = (word: string) =>
    tinyTokenizer(
      "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %} {{ m.content }} " + word +
        "{% else %}{{ m.content }} {{ eos_token }}{% endif %}{% endfor %}",
    );
  for (const [prompt, answer] of [["red", "s"], ["wor", "ld"]] as const) {
    const render = joined(prompt).render(chat("what is", answer));
    const { message } = Effect.runSync(Effect.flip(render));
    assert.match(message, /^The tokens of messages\[1\] cannot be told.*straddles/);
  }
});

Deno.test("Tokenizer.render() leaves white space after the end of turn to the template", () => {
  const { tokenizer: json, config } = tinyFiles(
    tinyTemplate.replace("{{ eos_token }}", "{{ eos_token }}\n"),
  );
  const { added_tokens, ...rest } = json as { readonly added_tokens: ReadonlyArray<unknown> };
  const lineBreak = { id: tinyTokenizer().vocabSize, content: "\n", special: false };
  const tokenizer = Effect.runSync(
    makeTokenizer({ tokenizer: { ...rest, added_tokens: [...added_tokens, lineBreak] }, config }),
  );
  const rendered = Effect.runSync(tokenizer.render(chat("hello", "red", "is", "world")));
  assert.deepEqual(words(tokenizer, rendered), [
    ["user", "<s> <user> hello <assistant>"],
    ["assistant", "red </s>"],
    ["user", "<user> is <assistant>"],
    ["assistant", "world </s>"],
  ]);
});

Deno.test("Tokenizer.render() refuses a second BOS", () => {
  const render = tinyTokenizer().render(chat("hello <s>", "red"));
  const { message } = Effect.runSync(Effect.flip(render));
  assert.match(message, /^Expected exactly 1 <s> in the chat but found 2/);
});

Deno.test("Tokenizer.render() leaves BOS out where the template does, as transformers does", () => {
  const tokenizer = tinyTokenizer(tinyTemplate.replace("{{ bos_token }}", ""));
  const rendered = Effect.runSync(tokenizer.render(chat("hello", "red")));
  assert.deepEqual(words(tokenizer, rendered), [
    ["user", "<user> hello <assistant>"],
    ["assistant", "red </s>"],
  ]);
  const { message } = Effect.runSync(Effect.flip(tokenizer.render(chat("hello <s>", "red"))));
  assert.match(message, /^Expected exactly 0 <s> in the chat but found 1: take it out/);
});

Deno.test("Tokenizer.render() passes on what the template complains about", () => {
  const tokenizer = tinyTokenizer("{{ raise_exception('roles must alternate') }}");
  const { message } = Effect.runSync(Effect.flip(tokenizer.render(chat("hello"))));
  assert.equal(message, "The chat template failed: roles must alternate");
});

Deno.test("Tokenizer.withTokens() adds <sep> at the end and leaves the words around it alone", () => {
  const base = tinyTokenizer();
  const { tokenizer, ids: [sep, red] } = base.withTokens(["<sep>", "red"]);
  assert.equal(sep, base.vocabSize);
  assert.equal(red, base.idOf("red"));
  assert.equal(tokenizer.vocabSize, base.vocabSize + 1);
  assert.equal(base.idOf("<sep>"), undefined);
  const the = base.idOf("the");
  for (const text of ["the <sep> the", "the<sep>the", "the  <sep>\nthe"]) {
    assert.deepEqual(tokenizer.encode(text), [the, sep, the], text);
  }
  assert.equal(tokenizer.decode([the!, sep!, the!]), "the <sep> the");
  assert.equal(tokenizer.decode([the!, sep!, the!], { skipSpecial: true }), "the the");
});

Deno.test("Tokenizer.toFiles() gives files that open as the same tokenizer", () => {
  const { tokenizer } = tinyTokenizer().withTokens(["<sep>"]);
  const files = JSON.parse(JSON.stringify(tokenizer.toFiles()));
  const again = Effect.runSync(makeTokenizer(files));
  assert.deepEqual(again.encode("use <sep> ."), tokenizer.encode("use <sep> ."));
  assert.deepEqual(files.config.additional_special_tokens, ["<sep>"]);
});

Deno.test("Tokenizer.encode() adds what the tokenizer puts around a text only where asked", () => {
  const { tokenizer: json, config } = tinyFiles();
  const post_processor = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<s>": { id: "<s>", ids: [2], tokens: ["<s>"] } },
  };
  const files = { tokenizer: { ...json as object, post_processor }, config };
  const tokenizer = Effect.runSync(makeTokenizer(files));
  const hello = tokenizer.idOf("hello")!;
  assert.deepEqual(tokenizer.encode("hello"), [hello]);
  assert.deepEqual(tokenizer.encode("hello", { addSpecial: true }), [tokenizer.bosId, hello]);
});

Deno.test("Tokenizer.encode() names a word that the vocabulary lacks", () => {
  assert.throws(() => tinyTokenizer().encode("hello there"), {
    message:
      'Expected words of the vocabulary but found "there": add it to the tokenizer, or leave the chat out',
  });
});

Deno.test("makeTokenizer() names the special token that is missing", () => {
  const { tokenizer } = tinyFiles();
  const open = (config: unknown) =>
    Effect.runSync(Effect.flip(makeTokenizer({ tokenizer, config })));
  assert.match(open({}).message, /names no eos_token/);
  assert.match(
    open({ eos_token: "<end>" }).message,
    /eos_token is <end>, which the vocabulary lacks/,
  );
});

Deno.test("Tokenizer.stopIds holds EOS and the template's end of turn", () => {
  const turn = tinyTemplate.replace("{{ eos_token }}", "<pad>\n");
  const tokenizer = tinyTokenizer(turn);
  assert.deepEqual(tokenizer.stopIds.map((id) => tokenizer.tokenOf(id)), ["</s>", "<pad>"]);
});
