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
   * Tokens outside every span are the template's (a line break after the end of a turn). A template
   * with {% generation %} blocks decides itself: the spans are what the blocks wrote.
   */
  readonly spans: ReadonlyArray<Span>;
}

/**
 * How many BOS tokens a chat has: exactly one, one a turn (BOS opens turns), or none where the
 * template writes none. As in transformers, nobody else puts one in front of a chat.
 */
export type BosPerChat = "one" | "none" | "turns";

/** What turning a chat into tokens needs of a tokenizer. */
export interface ChatTokens {
  readonly template: ChatTemplate | undefined;
  readonly encode: (text: string) => ReadonlyArray<number>;
  readonly decode: (ids: ReadonlyArray<number>) => string;
  /** What a token stands for, so that the spellings of two lists of ids differ where their texts do. */
  readonly spell: (id: number) => string;
  readonly specialIds: ReadonlySet<number>;
  readonly bosId: number | undefined;
  readonly bos: string | undefined;
}

const emptyTurn: ReadonlyArray<Message> = [
  { role: "user", content: "" },
  { role: "assistant", content: "" },
];

/** Learns from chats of empty messages how the template uses BOS and what ends a turn. */
export const probeTemplate = (
  chats: ChatTokens,
): { readonly bosPerChat: BosPerChat; readonly endOfTurn: ReadonlyArray<number> } => {
  const rendered = tryRender(chats, [...emptyTurn, ...emptyTurn]) ?? tryRender(chats, emptyTurn);
  // The template may refuse such chats; each real chat is then checked on its own.
  if (rendered === undefined) return { bosPerChat: "one", endOfTurn: [] };
  const { ids, spans } = rendered;
  const count = ids.filter((id) => id === chats.bosId).length;
  const ends = spans.flatMap(({ role, start, end }) =>
    role === "assistant" ? ids[endOfTurn(chats, ids, start, end) - 1] ?? [] : []
  );
  return {
    bosPerChat: count > 1 ? "turns" : count === 1 ? "one" : "none",
    endOfTurn: ends.filter((id) => chats.specialIds.has(id)),
  };
};

const tryRender = (
  chats: ChatTokens,
  messages: ReadonlyArray<Message>,
): Rendered | undefined => {
  try {
    return renderChat(chats, undefined, messages, false);
  } catch (cause) {
    if (cause instanceof DataError) return undefined;
    throw cause;
  }
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
  const { text, spans: textSpans, marked } = template.render(messages, addGenerationPrompt);
  const ids = encode(text);
  const spans: Array<Span> = [];
  let from = 0;
  for (const { role, message, start: textStart, end: textEnd } of textSpans) {
    const end = tokensBefore(chats, text, textEnd, ids);
    if (role !== "assistant") {
      if (end === undefined) continue; // joins the next prompt message
      spans.push({ role, message, start: from, end });
      from = end;
      continue;
    }
    const start = tokensBefore(chats, text, textStart, ids);
    if (start === undefined || end === undefined) {
      throw straddles(message, start === undefined ? "start" : "end");
    }
    const kept = marked ? end : endOfTurn(chats, ids, start, end);
    spans.push({ role, message, start, end: kept });
    from = end;
  }
  const count = ids.filter((id) => id === bosId).length;
  const expected = bosPerChat === "none" ? 0 : 1;
  const counted = bosId !== undefined && bosPerChat !== undefined && bosPerChat !== "turns";
  if (counted && count !== expected) {
    throw new DataError({ reason: { _tag: "WrongBosCount", bos, expected, actual: count } });
  }
  return { ids, spans };
};

const straddles = (message: number, edge: "start" | "end"): DataError =>
  new DataError({
    reason: {
      _tag: "SpansNotProvable",
      message,
      report: `a token straddles the ${edge} of the answer`,
      remedy: `take the white space off the ${edge} of its content, or word it otherwise there`,
    },
  });

/**
 * How many of `ids` spell the text before character `at`; undefined where a token straddles it. The
 * ids of that text alone may be others, since its last word may be cut otherwise: spelling decides.
 */
const tokensBefore = (
  { encode, spell }: ChatTokens,
  text: string,
  at: number,
  ids: ReadonlyArray<number>,
): number | undefined => {
  if (at === 0) return 0;
  if (at === text.length) return ids.length;
  let head: string;
  try {
    head = encode(text.slice(0, at)).map(spell).join("");
  } catch (cause) {
    // Half a word need not be a word of the vocabulary: then the whole word straddles the boundary.
    if (cause instanceof DataError && cause.reason._tag === "UnknownToken") return undefined;
    throw cause;
  }
  let spelled = "";
  let count = 0;
  while (spelled.length < head.length && count < ids.length) spelled += spell(ids[count++]!);
  return spelled === head ? count : undefined;
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
