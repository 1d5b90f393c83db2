/** What can go wrong between a file of weights and a tensor in host memory. @module */
import { type Cause, Data } from "effect";
import type { OutOfRange } from "./pack.ts";

/** Why a {@linkcode WeightsError} happened; match on `_tag`. */
export type WeightsReason =
  | { readonly _tag: "Unreadable"; readonly file: string; readonly problem: string }
  | {
    readonly _tag: "Malformed";
    readonly file: string;
    readonly part: string;
    readonly expected: string;
    readonly actual: string;
  }
  | {
    readonly _tag: "MissingTensor";
    readonly file: string;
    readonly tensor: string;
    readonly held: number;
  }
  | {
    readonly _tag: "UnsupportedDtype";
    readonly file: string;
    readonly tensor: string;
    readonly dtype: string;
    readonly supported: ReadonlyArray<string>;
  }
  | {
    readonly _tag: "NotFinite";
    readonly file: string;
    readonly tensor: string;
    /** How many of the values read are NaN or infinite. */
    readonly count: number;
    /** Row-major index of the first one in the tensor, and what is there. */
    readonly index: number;
    readonly value: number;
  }
  | {
    readonly _tag: "Overflow";
    readonly file: string;
    readonly tensor: string;
    /** The format in which the value would be infinite. */
    readonly dtype: string;
    readonly index: number;
    readonly value: number;
  }
  | {
    readonly _tag: "ExtraTensors";
    readonly file: string;
    readonly tensors: ReadonlyArray<string>;
  }
  | {
    readonly _tag: "OtherBase";
    readonly file: string;
    /** Where the base lay that the adapter was trained on. */
    readonly trainedOn: string;
    readonly expected: string;
    readonly actual: string;
  }
  | (OutOfRange & { readonly tensor: string })
  | {
    readonly _tag: "ShapeMismatch";
    readonly tensor: string;
    readonly expected: ReadonlyArray<number>;
    readonly actual: ReadonlyArray<number>;
  };

const WeightsErrorBase: new (fields: { readonly reason: WeightsReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "WeightsError"; readonly reason: WeightsReason } = Data.TaggedError(
    "WeightsError",
  );

const explain = (reason: WeightsReason): string => {
  switch (reason._tag) {
    case "Unreadable":
      return `${reason.file}: ${reason.problem}`;
    case "Malformed":
      return `${reason.file}: ${reason.part} should be ${reason.expected} but is ${reason.actual}`;
    case "MissingTensor":
      return `${reason.file}: has no tensor "${reason.tensor}" among its ${reason.held}`;
    case "UnsupportedDtype":
      return `${reason.file}: ${reason.tensor} should be one of ${
        reason.supported.join(", ")
      } but is ${reason.dtype}`;
    case "NotFinite":
      return `${reason.file}: ${reason.tensor} should be finite but has ${reason.count} NaN or ` +
        `infinite values, the first, ${reason.value}, at index ${reason.index}`;
    case "Overflow":
      return `${reason.file}: ${reason.tensor} should fit ${reason.dtype} but is ${reason.value} at ` +
        `index ${reason.index}; write it as BF16 or F32`;
    case "ExtraTensors":
      return `${reason.file}: should hold no tensor that would be ignored but has ` +
        `${reason.tensors.slice(0, 3).join(", ")}` +
        (reason.tensors.length > 3 ? ` and ${reason.tensors.length - 3} more` : "");
    case "OtherBase":
      return `${reason.file} is not the ${
        reason.file.endsWith("tokenizer.json")
          ? "tokenizer that the adapter was trained with, so that ids may stand for other tokens"
          : "file that the adapter was trained on"
      }: its SHA-256 should be ${short(reason.expected)} but is ${short(reason.actual)}; ` +
        `give the base model of ${reason.trainedOn}`;
    case "OutOfRange": {
      const { tensor, index, value, format, largest } = reason;
      return `${tensor} should hold magnitudes up to ${largest} to be stored as ${format} but element ` +
        `${index} is ${value}; set model.storage to f32 or bf16`;
    }
    case "ShapeMismatch":
      return `${reason.tensor} should be [${reason.expected}] but is [${reason.actual}]`;
  }
};

/** The beginning of a hash: enough to tell two files apart by eye. */
const short = (hash: string): string => `${hash.replace(/^\w+:/, "").slice(0, 12)}…`;

/** The one error of the `weights` folder. Its message names the tensor or file, what was expected, what was found. */
export class WeightsError extends WeightsErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}
