/** Which parameters a model has on the GPU, and which tensors of its files fill them. @module */
import type { ParameterSpec } from "../nn/parameters.ts";
import type { Architecture, FusedLinear, ModelShape } from "./architecture.ts";
import type { TableCut } from "./table_cuts.ts";

/** One tensor of the files, or the rows `[from, to)` of one. */
export interface Source {
  readonly name: string;
  /** Of the whole tensor. */
  readonly shape: ReadonlyArray<number>;
  readonly rows?: { readonly from: number; readonly to: number };
}

/** A parameter and the tensors that it is stacked from. */
export interface StackedSpec extends ParameterSpec {
  readonly sources: ReadonlyArray<Source>;
  /** Added to what is stored. */
  readonly offset: number;
  /** May be stored in another format than f32. */
  readonly packable: boolean;
}

/** Name of the shard of a table that begins with row `from`, such as `embedding.0`. */
export const shardName = (table: "embedding" | "head", { from }: TableCut): string =>
  `${table}.${from}`;

/** Every parameter of the model in the order they lie in memory; `cuts` divide embedding and head. */
export const parameterSpecs = (
  architecture: Architecture,
  shape: ModelShape,
  cuts: ReadonlyArray<TableCut>,
): ReadonlyArray<StackedSpec> => [
  ...tableSpecs("embedding", architecture.tensors.embedding, shape, cuts),
  ...Array.from({ length: shape.layers }, (_, index) => layerSpecs(architecture, shape, index))
    .flat(),
  gain("finalGain", architecture.tensors.finalGain, shape.hidden, shape),
  ...shape.tiedHead ? [] : tableSpecs("head", architecture.tensors.head, shape, cuts),
];

/** Names of a layer's gains on the GPU, beside those of its linears. */
export const gainNames = (
  index: number,
): Readonly<
  Record<
    "attention" | "attentionOutput" | "query" | "key" | "feedForward" | "feedForwardOutput",
    string
  >
> => ({
  attention: `layers.${index}.attentionGain`,
  attentionOutput: `layers.${index}.attentionOutputGain`,
  query: `layers.${index}.queryGain`,
  key: `layers.${index}.keyGain`,
  feedForward: `layers.${index}.feedForwardGain`,
  feedForwardOutput: `layers.${index}.feedForwardOutputGain`,
});

const layerSpecs = (
  architecture: Architecture,
  shape: ModelShape,
  index: number,
): ReadonlyArray<StackedSpec> => {
  const { hidden, headDim } = shape;
  const stored = architecture.tensors.gains(index);
  const names = gainNames(index);
  const optional = (name: string, source: string | undefined, size: number) =>
    source === undefined ? [] : [gain(name, source, size, shape)];
  return [
    gain(names.attention, stored.attention, hidden, shape),
    ...optional(names.query, stored.heads?.query, headDim),
    ...optional(names.key, stored.heads?.key, headDim),
    ...optional(names.attentionOutput, stored.attentionOutput, hidden),
    gain(names.feedForward, stored.feedForward, hidden, shape),
    ...optional(names.feedForwardOutput, stored.feedForwardOutput, hidden),
    ...architecture.linears(shape, index).flatMap(linearSpecs),
  ];
};

const gain = (
  name: string,
  source: string,
  size: number,
  { gainOffset }: ModelShape,
): StackedSpec => ({
  name,
  shape: [size],
  sources: [{ name: source, shape: [size] }],
  offset: gainOffset,
  packable: false,
});

const linearSpecs = (
  { name, inputs, outputs, parts, bias }: FusedLinear,
): ReadonlyArray<StackedSpec> => {
  const weight: StackedSpec = {
    name,
    shape: [outputs, inputs],
    sources: parts.map(({ path, from, to }) => ({
      name: `${path}.weight`,
      shape: [to - from, inputs],
    })),
    offset: 0,
    packable: true,
  };
  if (!bias) return [weight];
  const sources = parts.map(({ path, from, to }) => ({ name: `${path}.bias`, shape: [to - from] }));
  return [weight, { name: biasName(name), shape: [outputs], sources, offset: 0, packable: false }];
};

/** Name of the bias beside the linear called `name`. */
export const biasName = (name: string): string => `${name}.bias`;

// Rows behind the stored ones belong to new tokens: they start at zero.
const tableSpecs = (
  table: "embedding" | "head",
  source: string,
  { vocab, hidden }: ModelShape,
  cuts: ReadonlyArray<TableCut>,
): ReadonlyArray<StackedSpec> =>
  cuts.map((cut) => ({
    name: shardName(table, cut),
    shape: [cut.to - cut.from, hidden],
    sources: cut.from >= vocab ? [] : [{
      name: source,
      shape: [vocab, hidden],
      rows: { from: cut.from, to: Math.min(cut.to, vocab) },
    }],
    offset: 0,
    packable: cut.packable,
  }));
