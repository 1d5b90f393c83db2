/** A chat: what one line of a data file holds, its types and its codec. @module */
import { Schema } from "effect";

/** Who speaks. */
export type Role = "system" | "user" | "assistant";

/** Every role, in the order they open a chat. */
export const roles: ReadonlyArray<Role> = ["system", "user", "assistant"];

/** One turn of a chat. */
export interface Message {
  readonly role: Role;
  readonly content: string;
}

/** Where a chat was read. */
export interface Place {
  /** Path, address or name of the source. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Turns in order. */
export interface Chat {
  readonly messages: ReadonlyArray<Message>;
  /** Where it was read; errors about this chat name it. Not part of the line. */
  readonly at?: Place;
}

/** What a line of chat JSONL holds: `{"messages": [{"role": …, "content": …}, …]}`. */
export interface ChatLine {
  readonly messages: ReadonlyArray<Message>;
}

/**
 * Codec of one chat line. Other keys of the line are left out; so are other keys of a message.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Schema } from "effect";
 * import { ChatLine } from "@delia/delia/data";
 *
 * const line = '{"messages":[{"role":"user","content":"hi"}]}';
 * const chat = Schema.decodeUnknownSync(ChatLine)(JSON.parse(line));
 * assert(chat.messages[0]?.role === "user");
 * ```
 */
export const ChatLine: Schema.Codec<ChatLine> = Schema.Struct({
  messages: Schema.Array(
    Schema.Struct({ role: Schema.Literals(roles), content: Schema.String }),
  ),
});
