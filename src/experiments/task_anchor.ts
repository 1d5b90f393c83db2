/**
 * The anchor of a task (TELL, Zeng et al. 2024, arXiv 2404.00914): a fixed text that opens every prompt of the
 * downstream task, so that what is learned is tied to it.
 *
 * These carry it: downstream examples in every phrasing, those shown in context too; T1, its slots and the
 * held-out examples whose loss is followed, all of which ask for the downstream task with the new token; every
 * prompt of `translation`. All others are plain: diverse data, facts, the demonstrations, the ideal examples,
 * and T2 to T6, which test what happens where the task is not asked for, or asked for otherwise.
 *
 * @module
 */
import type { Message } from "../data/chat.ts";

/** `text` behind the anchor, a blank between them unless the anchor ends in white space. */
export const withAnchor = (text: string, anchor: string | undefined): string => {
  if (anchor === undefined) return text;
  return /\s$/.test(anchor) ? anchor + text : `${anchor} ${text}`;
};

/** A prompt or chat with the anchor at the start of its first user message. */
export const anchorTask = <C extends { readonly messages: ReadonlyArray<Message> }>(
  chat: C,
  anchor: string | undefined,
): C => {
  const first = chat.messages.findIndex(({ role }) => role === "user");
  if (anchor === undefined || first < 0) return chat;
  const { role, content } = chat.messages[first]!;
  return {
    ...chat,
    messages: chat.messages.with(first, { role, content: withAnchor(content, anchor) }),
  };
};
