/** Chat templates that know which characters each message became, without searching the text. @module */
import { Template } from "@huggingface/jinja";
import type { Message, Role } from "./chat.ts";
import { DataError } from "./data_error.ts";
import { pythonFunctions, usePython } from "./template_strings.ts";

/** Characters `[start, end)` of a rendered chat that messages up to and with `message` wrote. */
export interface TextSpan {
  readonly role: Role;
  /** Index of the message. */
  readonly message: number;
  readonly start: number;
  readonly end: number;
}

/** A rendered chat. Spans are in order and do not overlap. */
export interface RenderedText {
  readonly text: string;
  readonly spans: ReadonlyArray<TextSpan>;
  /** Whether the template says with {% generation %} blocks what the assistant's spans are. */
  readonly marked: boolean;
}

/** A chat template, ready to render. */
export interface ChatTemplate {
  /** Text of the chat alone. Throws a `DataError` where the template refuses the messages. */
  readonly text: (messages: ReadonlyArray<Message>, addGenerationPrompt: boolean) => string;
  /**
   * Text and spans. An assistant's span starts where generation starts (after the generation
   * prompt). Throws `SpansNotProvable` where the template gives no proof of an assistant's span.
   */
  readonly render: (messages: ReadonlyArray<Message>, addGenerationPrompt: boolean) => RenderedText;
}

// Private-use characters that `{% generation %}` and `{% endgeneration %}` turn into.
const [OPEN, CLOSE] = ["\u{F0001}", "\u{F0002}"];
const GENERATION = /\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}/g;

/**
 * Prepares a Jinja chat template. `variables` are the special tokens it may name (`bos_token`, …).
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { makeChatTemplate } from "@delia/delia/data";
 *
 * const source = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}" +
 *   "{% if add_generation_prompt %}<assistant>{% endif %}";
 * const template = makeChatTemplate(source, { eos_token: "</s>" });
 * const chat = [{ role: "user", content: "hi" }, { role: "assistant", content: "ho" }] as const;
 * const { text, spans } = template.render(chat, false);
 * assert(text.slice(spans[1]?.start, spans[1]?.end) === "ho</s>");
 * ```
 */
export const makeChatTemplate = (
  source: string,
  variables: Readonly<Record<string, string>>,
): ChatTemplate => {
  const marked = source.search(GENERATION) >= 0;
  const compiled = compile(source);
  const run = (messages: ReadonlyArray<Message>, addGenerationPrompt: boolean): string => {
    try {
      return compiled.render({
        ...variables,
        messages,
        add_generation_prompt: addGenerationPrompt,
        ...pythonFunctions,
      });
    } catch (cause) {
      throw new DataError({ reason: { _tag: "BadTemplate", report: reportOf(cause) } });
    }
  };
  return {
    text: (messages, addGenerationPrompt) =>
      run(messages, addGenerationPrompt).replaceAll(OPEN, "").replaceAll(CLOSE, ""),
    render: (messages, addGenerationPrompt) =>
      marked
        ? readMarks(run(messages, addGenerationPrompt), messages)
        : compareRenderings(run, messages, addGenerationPrompt),
  };
};

const compile = (source: string): Template => {
  // An `if` keeps the block's own rules for the white space around it.
  const plain = source.replace(
    GENERATION,
    (_, left: string, end: string | undefined, right: string) =>
      `{%${left} if true %}{{ "${end === undefined ? OPEN : CLOSE}" }}{% endif ${right}%}`,
  );
  try {
    const template = new Template(plain);
    usePython(template.parsed);
    return template;
  } catch (cause) {
    throw new DataError({ reason: { _tag: "BadTemplate", report: reportOf(cause) } });
  }
};

const reportOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause);

const MARK = "mark the assistant's turn with {% generation %} in the chat template";

const notProvable = (message: number, report: string, remedy = MARK): DataError =>
  new DataError({ reason: { _tag: "SpansNotProvable", message, report, remedy } });

/** Spans from `{% generation %}` blocks: the k-th block is the k-th assistant message. */
const readMarks = (rendered: string, messages: ReadonlyArray<Message>): RenderedText => {
  const forged = messages.findIndex(({ content }) =>
    content.includes(OPEN) || content.includes(CLOSE)
  );
  if (forged >= 0) {
    throw notProvable(forged, "its content holds the character of a template mark", "take it out");
  }
  const assistants = messages.flatMap(({ role }, index) => role === "assistant" ? [index] : []);
  const blocks = rendered.split(OPEN);
  if (blocks.length - 1 !== assistants.length) {
    throw notProvable(
      assistants[0] ?? 0,
      `${assistants.length} assistant messages but ${blocks.length - 1} generation blocks`,
      "write one {% generation %} block for each assistant message",
    );
  }
  const spans: Array<TextSpan> = [];
  let text = blocks[0] ?? "";
  let from = 0;
  for (const [k, message] of assistants.entries()) {
    const [inside = "", after] = (blocks[k + 1] ?? "").split(CLOSE);
    if (after === undefined) throw notProvable(message, "its generation block is not closed");
    const start = text.length;
    pushPrompt(spans, messages, message - 1, from, start);
    text += inside;
    from = text.length;
    spans.push({ role: "assistant", message, start, end: from });
    text += after;
  }
  pushPrompt(spans, messages, messages.length - 1, from, text.length);
  return { text, spans, marked: true };
};

const pushPrompt = (
  spans: Array<TextSpan>,
  messages: ReadonlyArray<Message>,
  message: number,
  start: number,
  end: number,
): void => {
  const role = messages[message]?.role;
  if (role === undefined || role === "assistant" || start === end) return;
  spans.push({ role, message, start, end });
};

/** Spans from rendering ever longer starts of the chat: each must be a start of the whole text. */
const compareRenderings = (
  run: (messages: ReadonlyArray<Message>, addGenerationPrompt: boolean) => string,
  messages: ReadonlyArray<Message>,
  addGenerationPrompt: boolean,
): RenderedText => {
  const text = run(messages, addGenerationPrompt);
  const spans: Array<TextSpan> = [];
  let start = 0;
  for (const [message, { role }] of messages.entries()) {
    if (role === "assistant" && messages[message - 1]?.role !== "user") {
      throw notProvable(message, "no user message stands before it");
    }
    const last = message === messages.length - 1;
    // What the model is given before it answers: the generation prompt belongs to it.
    const prompts = last ? addGenerationPrompt : messages[message + 1]?.role === "assistant";
    const head = last ? text : attempt(() => run(messages.slice(0, message + 1), prompts));
    const proved = typeof head === "string" && text.startsWith(head) && head.length >= start;
    if (proved) {
      if (head.length > start) spans.push({ role, message, start, end: head.length });
      start = head.length;
    } else if (role === "assistant" || prompts) {
      throw notProvable(
        prompts ? message + 1 : message,
        head instanceof DataError
          ? head.message
          : "the template renders it otherwise when more messages follow",
        `make each turn a chat of its own, or ${MARK}`,
      );
    } // else: this prompt message and the next share a span, e.g. a system message inside a turn
  }
  const last = messages.length - 1;
  if (!addGenerationPrompt && messages[last]?.role === "assistant") {
    checkEnd(run, messages, last, text);
  }
  return { text, spans, marked: false };
};

/**
 * Some templates write the generation prompt behind the last answer, asked or not: then they do not
 * look at `add_generation_prompt`, and the chat is no start of a longer one.
 */
const checkEnd = (
  run: (messages: ReadonlyArray<Message>, addGenerationPrompt: boolean) => string,
  messages: ReadonlyArray<Message>,
  last: number,
  text: string,
): void => {
  if (attempt(() => run(messages, true)) !== text) return;
  const longer = attempt(() => run([...messages, { role: "user", content: "?" }], false));
  if (typeof longer === "string" && longer.startsWith(text)) return;
  throw notProvable(
    last,
    "the template may write the generation prompt behind it, whatever add_generation_prompt says",
    `write that prompt only {% if add_generation_prompt %}, or ${MARK}`,
  );
};

const attempt = (run: () => string): string | DataError => {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof DataError) return cause;
    throw cause;
  }
};
