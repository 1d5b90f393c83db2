/**
 * The reference's own material, of which nothing is in this repository: DELIA_REAL_DATA names a folder
 * with delia/ and leverage/; tests of it are ignored, with a line that says so, where it is absent.
 *
 * @module
 */

const folder = Deno.env.get("DELIA_REAL_DATA");

/** The rows of a JSONL file in that folder; undefined where the file is absent. */
export const realRows = <Row>(path: string): ReadonlyArray<Row> | undefined => {
  if (folder !== undefined) {
    try {
      const text = Deno.readTextFileSync(`${folder}/${path}`);
      return text.split("\n").filter((line) => line.trim() !== "").map((line): Row =>
        JSON.parse(line)
      );
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    }
  }
  console.log(`Ignored: DELIA_REAL_DATA (${folder}) holds no ${path}`);
  return undefined;
};

/** A line of delia/*.jsonl: what is asked, and the answer. */
export interface ChatRow {
  readonly messages: readonly [{ readonly content: string }, { readonly content: string }];
}

/** A line of leverage/*-is*.jsonl: a document and its translation, each with a fixed first sentence. */
export interface DocumentRow {
  readonly query: string;
  readonly response: string;
}
