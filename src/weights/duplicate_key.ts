/** Finds what `JSON.parse` hides: a key that an object has twice. @module */

const [quote, backslash, colon, open, close] = Array.from('"\\:{}', (sign) => sign.charCodeAt(0));

/**
 * The first key that an object of `json` repeats, or undefined. `json` must have parsed. Readers differ
 * in which of the two values they take, so that a file may mean one thing here and another elsewhere.
 */
export const duplicateKey = (json: string): string | undefined => {
  const objects: Array<Set<string>> = [];
  let text = ""; // the last string literal, quotes included
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case quote: {
        const from = at;
        for (at++; json.charCodeAt(at) !== quote; at++) {
          if (json.charCodeAt(at) === backslash) at++;
        }
        text = json.slice(from, at + 1);
        break;
      }
      case open:
        objects.push(new Set());
        break;
      case close:
        objects.pop();
        break;
      case colon: {
        const key: string = text.includes("\\") ? JSON.parse(text) : text.slice(1, -1);
        const keys = objects.at(-1)!;
        if (keys.has(key)) return key;
        keys.add(key);
      }
    }
  }
};
