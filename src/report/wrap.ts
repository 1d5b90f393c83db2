/** Breaks text into lines of a given width. @module */

/**
 * Lines of at most `width` characters, broken at blanks; lines after the first are indented by
 * `indent` blanks. A word longer than a line is cut.
 */
export const wrap = (text: string, width: number, indent = 0): ReadonlyArray<string> => {
  const lines: Array<string> = [];
  const margin = " ".repeat(indent);
  let line = "";
  for (const word of text.split(/\s+/).filter((part) => part.length > 0)) {
    let rest = word;
    if (line.trim() !== "" && line.length + 1 + rest.length > width) {
      lines.push(line);
      line = margin;
    }
    while (line.length + rest.length > width) {
      lines.push(line + rest.slice(0, width - line.length));
      rest = rest.slice(width - line.length);
      line = margin;
    }
    line += (line.trim() === "" ? "" : " ") + rest;
  }
  return line.trim() === "" ? lines : [...lines, line];
};
