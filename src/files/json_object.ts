/** Text that should be a JSON object. @module */

/** The JSON object that `text` is; undefined where it is none. */
export const jsonObject = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json)
      ? json as Readonly<Record<string, unknown>>
      : undefined;
  } catch {
    return undefined;
  }
};
