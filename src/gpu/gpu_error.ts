/** What can go wrong between a call in TypeScript and a finished dispatch. @module */
import { type Cause, Data } from "effect";

/** Why a {@linkcode GpuError} happened; match on `_tag`. */
export type GpuReason =
  | { readonly _tag: "NoAdapter" }
  | { readonly _tag: "NoTimestamps"; readonly adapter: string }
  | {
    readonly _tag: "ShapeMismatch";
    readonly kernel: string;
    readonly binding: string;
    readonly expected: ReadonlyArray<number>;
    readonly actual: ReadonlyArray<number>;
  }
  | {
    readonly _tag: "DtypeMismatch";
    readonly kernel: string;
    readonly binding: string;
    readonly expected: string;
    readonly actual: string;
  }
  | {
    readonly _tag: "LimitExceeded";
    readonly what: string;
    readonly limit: string;
    readonly allowed: number;
    readonly actual: number;
  }
  | { readonly _tag: "OutOfMemory"; readonly held: number }
  | { readonly _tag: "Rejected"; readonly what: string; readonly report: string }
  | { readonly _tag: "DeviceLost"; readonly report: string };

const GpuErrorBase: new (fields: { readonly reason: GpuReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "GpuError"; readonly reason: GpuReason } = Data.TaggedError("GpuError");

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const explain = (reason: GpuReason): string => {
  switch (reason._tag) {
    case "NoAdapter":
      return "No WebGPU adapter was found: run `deno task setup`, which says what driver this machine lacks";
    case "NoTimestamps":
      return `${reason.adapter} cannot time its kernels: WebGPU's timestamp-query is not there; ` +
        "another adapter or a newer driver may have it";
    case "ShapeMismatch":
      return `${reason.kernel}: ${reason.binding} should be [${reason.expected}] but is [${reason.actual}]`;
    case "DtypeMismatch":
      return `${reason.kernel}: ${reason.binding} should hold ${reason.expected} but holds ${reason.actual}`;
    case "LimitExceeded":
      return `${reason.what} needs ${reason.actual} but the adapter's ${reason.limit} is ${reason.allowed}: ` +
        "use a smaller batch or a shorter context";
    case "OutOfMemory":
      return `The GPU has no room for more beside the ${mebibytes(reason.held)} that are held: ` +
        "use a smaller batch, or gradient checkpointing";
    case "Rejected":
      return `WebGPU rejected ${reason.what}: ${reason.report}`;
    case "DeviceLost":
      return `The GPU device was lost (${reason.report}): start again with --resume; ` +
        "if it happens again, use a smaller batch";
  }
};

/** The one error of the `gpu` folder. Its message says what was expected, found, and the remedy. */
export class GpuError extends GpuErrorBase {
  override get message(): string {
    return explain(this.reason);
  }
}
