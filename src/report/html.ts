/** HTML from template strings: what is put in is escaped unless it is HTML already. @module */

/** Text that is HTML. */
export interface Html {
  readonly html: string;
}

/** What a template takes. Lists are put one after the other; undefined is nothing. */
export type Content = Html | string | number | undefined | ReadonlyArray<Content>;

/** Tag of a template: ``markup`<b>${name}</b>` `` escapes `name`. */
export const markup = (parts: TemplateStringsArray, ...contents: ReadonlyArray<Content>): Html => ({
  html: parts.map((part, index) => part + (index < contents.length ? show(contents[index]) : ""))
    .join(""),
});

/** Text that this project made and that is HTML already, such as a chart. */
export const trusted = (html: string): Html => ({ html });

/** `text` so that HTML shows it as it is, in elements and in quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const show = (content: Content): string => {
  if (content === undefined) return "";
  if (typeof content === "string") return escapeHtml(content);
  if (typeof content === "number") return String(content);
  return "html" in content ? content.html : content.map(show).join("");
};
