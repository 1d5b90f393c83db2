/** Offline stand-in for `jsr:@std/streams`: `TextLineStream`, the one export this project uses. @module */

/** Options of {@linkcode TextLineStream}. */
export interface TextLineStreamOptions {
  /** Also end a line at a lone `\r`; `false` unless told. */
  readonly allowCR?: boolean;
}

/** Cuts chunks of text into lines, without their `\n` or `\r\n`; a last line without an end counts. */
export class TextLineStream extends TransformStream<string, string> {
  constructor(options: TextLineStreamOptions = {}) {
    const { allowCR = false } = options;
    let rest = "";
    super({
      transform(chunk, controller) {
        rest += chunk;
        let from = 0;
        for (let at = 0; at < rest.length; at++) {
          const char = rest[at];
          if (char === "\n") {
            const end = at > from && rest[at - 1] === "\r" ? at - 1 : at;
            controller.enqueue(rest.slice(from, end));
            from = at + 1;
          } else if (allowCR && char === "\r" && at + 1 < rest.length && rest[at + 1] !== "\n") {
            controller.enqueue(rest.slice(from, at));
            from = at + 1;
          }
        }
        rest = rest.slice(from);
      },
      flush(controller) {
        if (rest === "") return;
        controller.enqueue(allowCR && rest.endsWith("\r") ? rest.slice(0, -1) : rest);
      },
    });
  }
}
