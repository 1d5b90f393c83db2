import assert from "node:assert/strict";
import { Effect, Stream } from "effect";
import { type ChatInput, chatInputs } from "../../src/cli/chat_input.ts";

const read = (text: string) =>
  Effect.runSync(Stream.runCollect(chatInputs(Stream.splitLines(Stream.make(text)))));
const message = (text: string): ChatInput => ({ _tag: "Message", text });

Deno.test("chatInputs() takes a line for a message, and leaves empty ones out", () => {
  assert.deepEqual(read("red\n\n  \r\nis it ?\n"), [message("red"), message("is it ?")]);
  assert.deepEqual(read("without a newline"), [message("without a newline")]);
  assert.deepEqual(read(""), []);
});

Deno.test("chatInputs() joins lines that end with a backslash, the last one too", () => {
  assert.deepEqual(read("one\\\ntwo\\\nthree\nfour"), [
    message("one\ntwo\nthree"),
    message("four"),
  ]);
  assert.deepEqual(read("one\\\n"), [message("one")]);
});

Deno.test("chatInputs() ends at /exit, and tells commands from messages that begin with a slash", () => {
  assert.deepEqual(read("/reset\n/quit\n/etc/hosts\n/exit\nred"), [
    { _tag: "Reset" },
    { _tag: "UnknownCommand", command: "/quit" },
    message("/etc/hosts"),
  ]);
});
