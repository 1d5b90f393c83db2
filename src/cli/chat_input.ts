/** What the lines that are typed into a chat ask for. @module */
import * as Stream from "effect/Stream";

/** One thing that is asked for. */
export type ChatInput =
  | { readonly _tag: "Message"; readonly text: string }
  /** Forget all messages but the system's. */
  | { readonly _tag: "Reset" }
  | { readonly _tag: "UnknownCommand"; readonly command: string };

/** How to use a chat, in one line. */
export const chatUsage: string =
  "A line is a message; \\ at its end goes on in the next; /reset forgets; /exit or Ctrl-D ends";

/** Lines, of which one that ends with `\` goes on in the next, until `/exit`; empty ones are left out. */
export const chatInputs = <E, R>(
  lines: Stream.Stream<string, E, R>,
): Stream.Stream<ChatInput, E, R> =>
  lines.pipe(
    Stream.mapAccum((): ReadonlyArray<string> => [], (begun, line) => {
      const all = [...begun, line.replace(/\\$/, "")];
      return line.endsWith("\\") ? [all, []] as const : [[], [all.join("\n")]] as const;
    }, { onHalt: (begun) => begun.length === 0 ? [] : [begun.join("\n")] }),
    Stream.takeWhile((text) => text.trim() !== "/exit"),
    Stream.filter((text) => text.trim() !== ""),
    Stream.map(inputOf),
  );

const inputOf = (text: string): ChatInput => {
  const command = /^\/[a-z]+$/.exec(text.trim())?.[0];
  if (command === undefined) return { _tag: "Message", text };
  return command === "/reset" ? { _tag: "Reset" } : { _tag: "UnknownCommand", command };
};
