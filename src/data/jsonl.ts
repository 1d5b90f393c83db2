/** Chat JSONL: a stream of bytes to a stream of chats that know their line. @module */
import { TextLineStream } from "@std/streams";
import { Effect, PlatformError, Result, Schema, Stream } from "effect";
import { fileProblem } from "../weights/file_problem.ts";
import { type Chat, ChatLine, type Place, roles } from "./chat.ts";
import { DataError } from "./data_error.ts";
import { utf8Text } from "./utf8_text.ts";

// Lines decoded at a time: an Effect a line would cost more than the decoding.
const GROUP = 256;

/**
 * Chats of UTF-8 JSONL, one a line, as they are read. A byte order mark, `\r\n` and blank lines are
 * passed over (blank lines count). Fails with a `DataError` that names `file` and the line:
 * `NotUtf8`, `BrokenJson`, `UnknownRole`, `BadChat`; or with `CannotRead`, or `NoChat` where there is none.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { Effect, Stream } from "effect";
 * import { chatsFromBytes } from "@delia/delia/data";
 *
 * const open = () => new Blob(['{"messages":[{"role":"user","content":"hi"}]}\n']).stream();
 * const chats = await Effect.runPromise(Stream.runCollect(chatsFromBytes("a.jsonl", open)));
 * assert(chats[0]?.messages[0]?.content === "hi" && chats[0]?.at?.line === 1);
 * ```
 */
export const chatsFromBytes = (
  file: string,
  open: () => ReadableStream<Uint8Array<ArrayBuffer>>,
): Stream.Stream<Chat, DataError> =>
  Stream.fromReadableStream({
    evaluate: () =>
      open()
        .pipeThrough(utf8Text(file))
        .pipeThrough(new TextLineStream()),
    onError: (cause) =>
      cause instanceof DataError
        ? cause
        : new DataError({ reason: { _tag: "CannotRead", file, report: reportOf(cause) } }),
  }).pipe(
    Stream.grouped(GROUP),
    Stream.mapAccumEffect(() => 1, (first, lines) => decodeLines(file, first, lines)),
    Stream.orElseIfEmpty(() =>
      Stream.fail(new DataError({ reason: { _tag: "NoChat", source: file } }))
    ),
  );

const decodeLines = (
  file: string,
  first: number,
  lines: ReadonlyArray<string>,
): Effect.Effect<readonly [number, ReadonlyArray<Chat>], DataError> => {
  const chats: Array<Chat> = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const chat = parseChat(line, { file, line: first + i });
    if (Result.isFailure(chat)) return Effect.fail(chat.failure);
    chats.push(chat.success);
  }
  return Effect.succeed([first + lines.length, chats]);
};

const decodeLine = Schema.decodeUnknownResult(ChatLine);

/** One line of chat JSONL; `at` is named by errors. */
export const parseChat = (line: string, at: Place): Result.Result<Chat, DataError> => {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    const report = reportOf(cause);
    return Result.fail(new DataError({ reason: { _tag: "BrokenJson", at, report } }));
  }
  const chat = decodeLine(json);
  if (Result.isSuccess(chat)) return Result.succeed({ ...chat.success, at });
  const unknown = findUnknownRole(json);
  return Result.fail(
    new DataError({
      reason: unknown === undefined
        ? { _tag: "BadChat", at, report: oneLine(chat.failure.message) }
        : { _tag: "UnknownRole", at, ...unknown },
    }),
  );
};

/** The first message whose role is a text that is no role. */
const findUnknownRole = (
  json: unknown,
): { readonly role: string; readonly message: number } | undefined => {
  const messages = (json as { readonly messages?: unknown } | null)?.messages;
  if (!Array.isArray(messages)) return undefined;
  for (const [message, turn] of messages.entries()) {
    const role = (turn as { readonly role?: unknown } | null)?.role;
    if (typeof role === "string" && !(roles as ReadonlyArray<string>).includes(role)) {
      return { role, message };
    }
  }
  return undefined;
};

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ", ");

const reportOf = (cause: unknown): string =>
  cause instanceof PlatformError.PlatformError
    ? fileProblem(cause)
    : cause instanceof Error
    ? cause.message
    : String(cause);

/** One line of chat JSONL, without its line break. */
export const formatChat = ({ messages }: Chat): string =>
  JSON.stringify({ messages: messages.map(({ role, content }) => ({ role, content })) });
