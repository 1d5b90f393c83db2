/** UTF-8 bytes to text as they come; bytes that are none are told by their line. @module */
import { DataError } from "./data_error.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const lineFeed = 0x0a;

/**
 * Decodes the bytes of `file`, a byte order mark left out. Fails with a `DataError`, `NotUtf8`, that names
 * the line of the first bytes that are no UTF-8.
 */
export const utf8Text = (file: string): TransformStream<Bytes, string> => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1; // of the first byte in `begun`
  let begun: ReadonlyArray<Bytes> = []; // the line that has not ended yet
  const decode = (chunk?: Bytes): string => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      const bytes = joined(chunk ? [...begun, chunk] : begun);
      const at = { file, line: line + linesBeforeBad(bytes) };
      const found = at.line === 1 && beginsWithMark(bytes) ? "UTF-16" : "other bytes";
      throw new DataError({ reason: { _tag: "NotUtf8", at, found } });
    }
  };
  return new TransformStream({
    transform: (chunk, controller) => {
      controller.enqueue(decode(chunk));
      const end = chunk.lastIndexOf(lineFeed) + 1;
      line += countLines(chunk);
      begun = end > 0 ? [chunk.subarray(end)] : [...begun, chunk];
    },
    flush: (controller) => controller.enqueue(decode()),
  });
};

const joined = (parts: ReadonlyArray<Bytes>): Bytes => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

const countLines = (bytes: Bytes): number => {
  let count = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count++;
  return count;
};

// A line feed is never a part of another character, so that each line can be tried alone.
const linesBeforeBad = (bytes: Bytes): number => {
  let [count, start] = [0, 0];
  for (let end; (end = bytes.indexOf(lineFeed, start)) >= 0; start = end + 1) {
    if (!isUtf8(bytes.subarray(start, end))) return count;
    count++;
  }
  return count;
};

const isUtf8 = (bytes: Bytes): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};

// Of a byte order mark in UTF-16 one byte is enough: nothing else begins a file of chats with it.
const beginsWithMark = ([first = 0]: Bytes): boolean => first >= 0xfe;
