/** What a model's configuration can get wrong. @module */
import { type Cause, Data } from "effect";

/** Why a {@linkcode ModelError} happened; match on `_tag`. */
export type ModelReason =
  | { readonly _tag: "UnknownType"; readonly modelType: string; readonly known: string }
  | {
    readonly _tag: "BadField";
    readonly field: string;
    readonly expected: string;
    readonly actual: string;
  }
  | { readonly _tag: "UnknownModule"; readonly module: string; readonly known: string }
  | {
    readonly _tag: "BadOption";
    readonly option: string;
    readonly expected: string;
    readonly actual: string;
  }
  | { readonly _tag: "TooManyPositions"; readonly positions: number; readonly allowed: number }
  | { readonly _tag: "EmptyPrompt"; readonly index: number }
  | {
    readonly _tag: "DoesNotFit";
    readonly storage: string;
    /** Bytes. */
    readonly needed: number;
    readonly budget: number;
  };

const ModelErrorBase: new (fields: { readonly reason: ModelReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "ModelError"; readonly reason: ModelReason } = Data.TaggedError("ModelError");

const size = (bytes: number): string =>
  bytes < 2 ** 30
    ? `${Number((bytes / 2 ** 20).toPrecision(3))} MiB`
    : `${(bytes / 2 ** 30).toFixed(2)} GiB`;

const explain = (reason: ModelReason): string => {
  switch (reason._tag) {
    case "UnknownType":
      return `config.json: model_type ${reason.modelType} is not implemented; known are ${reason.known}`;
    case "BadField":
      return `config.json: ${reason.field} should be ${reason.expected} but is ${reason.actual}`;
    case "UnknownModule":
      return `lora.targetModules: ${reason.module} is no linear of this model; it has ${reason.known}`;
    case "BadOption":
      return `${reason.option} should be ${reason.expected} but is ${reason.actual}`;
    case "TooManyPositions":
      return `A sequence needs ${reason.positions} positions but the model has ${reason.allowed}: ` +
        "shorten the prompt, generate fewer tokens or, where the model allows more, raise model.positions";
    case "EmptyPrompt":
      return `Prompt ${reason.index} has no tokens: an answer goes on from at least one`;
    case "DoesNotFit":
      return `The model does not fit: stored as ${reason.storage} it needs ${
        size(reason.needed)
      } ` +
        `with its adapter, of ${size(reason.budget)}; take a smaller model, or raise model.memory`;
  }
};

/** The one error of the `models` folder. */
export class ModelError extends ModelErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}
