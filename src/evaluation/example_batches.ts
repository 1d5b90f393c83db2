/** Cuts examples into batches that are run one after the other. @module */

/** How many tokens a batch may have, whole examples together; one longer example is a batch. */
const tokensPerBatch = 2048;

/** `examples` in order, as many to a batch as fit it. */
export const batchesOf = <Item extends { readonly ids: ReadonlyArray<number> }>(
  examples: ReadonlyArray<Item>,
): ReadonlyArray<ReadonlyArray<Item>> => {
  const batches: Item[][] = [];
  let tokens = Infinity;
  for (const example of examples) {
    tokens += example.ids.length;
    if (tokens > tokensPerBatch) {
      batches.push([]);
      tokens = example.ids.length;
    }
    batches.at(-1)!.push(example);
  }
  return batches;
};
