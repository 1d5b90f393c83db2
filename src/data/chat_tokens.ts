/** Chats to token ids with the span of each message, proved on the ids themselves. @module */
import type { Message, Role } from "./chat.ts";
import type { ChatTemplate } from "./chat_template.ts";
import { DataError } from "./data_error.ts";

/** Tokens `[start, end)` of a rendered chat that one message became. */
export interface Span {
  readonly role: Role;
  /** Index of the message. */
  readonly message: number;
  readonly start: number;
  readonly end: number;
}

/** A chat as the model sees it. */
export interface Rendered {
  readonly ids: ReadonlyArray<number>;
  /**
   * In order, without overlap. An assistant's span runs from where generation starts to its
   * end-of-turn token, which is inside; a user's span holds the generation prompt that follows it.
   * Tokens outside every span are the template's (a line break after the end of a turn).
   */
  readonly spans: ReadonlyArray<Span>;
}

/** How many BOS tokens a chat has: exactly one, none, or one a turn (BOS opens turns). */
export type BosPerChat = "one" | "none" | "turns";

/** What turning a chat into tokens needs of a tokenizer. */
export interface ChatTokens {
  readonly template: ChatTemplate | undefined;
  readonly encode: (text: string) => ReadonlyArray<number>;
  readonly decode: (ids: ReadonlyArray<number>) => string;
  readonly specialIds: ReadonlySet<number>;
  readonly bosId: number | undefined;
  readonly bos: string | undefined;
}

/** Learns from a chat of empty messages how the template uses BOS and what ends a turn. */
export const probeTemplate = (
  chats: ChatTokens,
): { readonly bosPerChat: BosPerChat; readonly endOfTurn: ReadonlyArray<number> } => {
  const messages: ReadonlyArray<Message> = [
    { role: "user", content: "" },
    { role: "assistant", content: "" },
    { role: "user", content: "" },
    { role: "assistant", content: "" },
  ];
  let rendered: Rendered;
  try {
    rendered = renderChat(chats, undefined, messages, false);
  } catch (cause) {
    // The template may refuse such a chat; each real chat is then checked on its own.
    if (cause instanceof DataError) return { bosPerChat: "one", endOfTurn: [] };
    throw cause;
  }
  const { ids, spans } = rendered;
  const count = ids.filter((id) => id === chats.bosId).length;
  const ends = spans.flatMap(({ role, end }) => role === "assistant" ? ids[end - 1] ?? [] : []);
  return {
    bosPerChat: count > 1 ? "turns" : count === 1 ? "one" : "none",
    endOfTurn: ends.filter((id) => chats.specialIds.has(id)),
  };
};

/** Renders, encodes, and proves where each message starts and ends. Throws a `DataError`. */
export const renderChat = (
  chats: ChatTokens,
  bosPerChat: BosPerChat | undefined,
  messages: ReadonlyArray<Message>,
  addGenerationPrompt: boolean,
): Rendered => {
  const { template, encode, bosId, bos = "BOS" } = chats;
  if (template === undefined) {
    throw new DataError({
      reason: { _tag: "BadTemplate", report: "tokenizer_config.json holds no chat_template" },
    });
  }
  const { text, spans: textSpans } = template.render(messages, addGenerationPrompt);
  const ids = encode(text);
  // The template that writes no BOS leaves it to the tokenizer, which puts it in front.
  const lead = bosPerChat === "none" && bosId !== undefined ? 1 : 0;
  const spans: Array<Span> = [];
  let start = lead;
  for (const { role, message, end: textEnd, start: textStart } of textSpans) {
    const proved = textEnd === text.length ? ids.length : tokensBefore(encode, text, textEnd, ids);
    const next = textSpans.find((span) => span.start >= textEnd);
    if (proved === undefined && (role === "assistant" || next?.role === "assistant")) {
      throw new DataError({
        reason: {
          _tag: "SpansNotProvable",
          message: role === "assistant" ? message : next?.message ?? message,
          report: "a token straddles the boundary",
        },
      });
    }
    if (proved === undefined) continue; // joins the next prompt message
    if (role === "assistant" && spans.length === 0 && textStart > 0) {
      start = lead + (tokensBefore(encode, text, textStart, ids) ?? 0);
    }
    const end = lead + proved;
    const kept = role === "assistant" ? endOfTurn(chats, ids, start - lead, proved) + lead : end;
    spans.push({ role, message, start, end: kept });
    start = end;
  }
  const all = lead === 1 && bosId !== undefined ? [bosId, ...ids] : ids;
  const count = all.filter((id) => id === bosId).length;
  if (bosId !== undefined && bosPerChat !== undefined && bosPerChat !== "turns" && count !== 1) {
    throw new DataError({ reason: { _tag: "WrongBosCount", bos, actual: count } });
  }
  return { ids: all, spans };
};

/** Tokens before character `at`, if the ids of the text up to there are a start of all ids. */
const tokensBefore = (
  encode: (text: string) => ReadonlyArray<number>,
  text: string,
  at: number,
  ids: ReadonlyArray<number>,
): number | undefined => {
  let head: ReadonlyArray<number>;
  try {
    head = encode(text.slice(0, at));
  } catch (cause) {
    // Half a word need not be a word of the vocabulary: then the whole word straddles the boundary.
    if (cause instanceof DataError && cause.reason._tag === "UnknownToken") return undefined;
    throw cause;
  }
  return head.every((id, i) => id === ids[i]) ? head.length : undefined;
};

/** End of an assistant's span: white space that follows its last special token is the template's. */
const endOfTurn = (
  { decode, specialIds }: ChatTokens,
  ids: ReadonlyArray<number>,
  start: number,
  end: number,
): number => {
  let after = end;
  while (after > start && !specialIds.has(ids[after - 1] as number)) after--;
  return after > start && decode(ids.slice(after, end)).trim() === "" ? after : end;
};
