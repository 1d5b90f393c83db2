/** What can go wrong with a file of self-samples that a run goes on with. @module */
import { type Cause, Data } from "effect";

/** Why a {@linkcode SampleCacheError} happened; match on `_tag`. */
export type SampleCacheReason =
  | { readonly _tag: "Unreadable"; readonly file: string; readonly problem: string }
  | { readonly _tag: "BrokenLine"; readonly file: string; readonly line: number }
  | {
    readonly _tag: "OtherSettings";
    readonly file: string;
    readonly setting: string;
    readonly expected: string;
    readonly actual: string;
  }
  | {
    readonly _tag: "OtherQuestion";
    readonly file: string;
    readonly line: number;
    readonly expected: string;
    readonly actual: string;
  };

const SampleCacheErrorBase: new (fields: { readonly reason: SampleCacheReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "SampleCacheError"; readonly reason: SampleCacheReason } = Data.TaggedError(
    "SampleCacheError",
  );

const remedy = "write to another file, or remove this one";

const explain = (reason: SampleCacheReason): string => {
  switch (reason._tag) {
    case "Unreadable":
      return `${reason.file}: ${reason.problem}`;
    case "BrokenLine":
      return `${reason.file}:${reason.line}: Expected {"index", "finish", "messages"} ` +
        "as self-sampling writes it: mend or remove the line";
    case "OtherSettings":
      return `${reason.file} was sampled with ${reason.setting} = ${reason.actual}, ` +
        `not ${reason.expected}: ${remedy}`;
    case "OtherQuestion":
      return `${reason.file}:${reason.line}: answers ${reason.actual}, not ${reason.expected}: ` +
        remedy;
  }
};

/** The error of self-samples in a file. Its message says what was expected, found, and the remedy. */
export class SampleCacheError extends SampleCacheErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}
