/** What can go wrong between a file of chats and a batch of token ids. @module */
import { type Cause, Data, Effect } from "effect";
import { type Place, roles } from "./chat.ts";

/** Why a {@linkcode DataError} happened; match on `_tag`. `at` is where the chat was read. */
export type DataReason =
  | { readonly _tag: "CannotRead"; readonly file: string; readonly report: string }
  | {
    readonly _tag: "NoSuchDataset";
    readonly source: string;
    readonly known: ReadonlyArray<string>;
  }
  | {
    readonly _tag: "NoChat";
    readonly source: string;
    /** Answers of a model that it holds and that cannot be trained on; absent where it holds nothing. */
    readonly leftOut?: number;
  }
  | {
    readonly _tag: "NotUtf8";
    readonly at: Place;
    readonly found: "UTF-16" | "other bytes";
  }
  | { readonly _tag: "BrokenJson"; readonly at?: Place; readonly report: string }
  | { readonly _tag: "BadChat"; readonly at?: Place; readonly report: string }
  | {
    readonly _tag: "UnknownRole";
    readonly at?: Place;
    readonly role: string;
    readonly message: number;
  }
  | { readonly _tag: "BadTokenizer"; readonly report: string }
  | { readonly _tag: "BadTemplate"; readonly at?: Place; readonly report: string }
  | { readonly _tag: "UnknownToken"; readonly at?: Place; readonly text: string }
  | {
    readonly _tag: "WrongBosCount";
    readonly at?: Place;
    readonly bos: string;
    readonly expected: number;
    readonly actual: number;
  }
  | {
    readonly _tag: "SpansNotProvable";
    readonly at?: Place;
    readonly message: number;
    readonly report: string;
    readonly remedy: string;
  }
  | { readonly _tag: "NoEndOfTurn"; readonly at?: Place; readonly message: number }
  | { readonly _tag: "NoSupervisedToken"; readonly at?: Place; readonly tokens: number }
  | {
    readonly _tag: "TooLong";
    readonly at?: Place;
    readonly tokens: number;
    readonly maxTokens: number;
  };

const DataErrorBase: new (fields: { readonly reason: DataReason }) =>
  & Cause.YieldableError
  & { readonly _tag: "DataError"; readonly reason: DataReason } = Data.TaggedError("DataError");

const explain = (reason: DataReason): string => {
  switch (reason._tag) {
    case "CannotRead":
      return `${reason.file} cannot be read: ${reason.report}`;
    case "NoSuchDataset":
      return `Expected a data set out of [${reason.known.join(", ")}] but found ${reason.source}`;
    case "NoChat": {
      const { source, leftOut } = reason;
      return leftOut === undefined
        ? `${source} holds no chat: expected at least one JSON object, each on a line of its own`
        : `${source} gives no chat to train on: its ${
          leftOut === 1 ? "one answer is" : `${leftOut} answers are`
        } left out (empty, cut off or with special tokens): raise sampling.maxNewTokens`;
    }
    case "NotUtf8":
      return `Expected UTF-8 but found ${reason.found}: save the file as UTF-8`;
    case "BrokenJson":
      return `Expected one JSON object on the line but found broken JSON (${reason.report}): ` +
        "write each chat on a line of its own";
    case "BadChat":
      return `Expected {"messages": [{"role", "content"}, …]} but found ${reason.report}`;
    case "UnknownRole":
      return `messages[${reason.message}].role should be one of ${roles.join(", ")} ` +
        `but is ${JSON.stringify(reason.role)}`;
    case "BadTokenizer":
      return `The tokenizer cannot be used: ${reason.report}`;
    case "BadTemplate":
      return `The chat template failed: ${reason.report}`;
    case "UnknownToken":
      return `Expected words of the vocabulary but found ${JSON.stringify(reason.text)}: ` +
        "add it to the tokenizer, or leave the chat out";
    case "WrongBosCount":
      return `Expected exactly ${reason.expected} ${reason.bos} in the chat but found ` +
        `${reason.actual}: take it out of the messages, the template writes what belongs there`;
    case "SpansNotProvable":
      return `The tokens of messages[${reason.message}] cannot be told from its neighbours' ` +
        `(${reason.report}): ${reason.remedy}`;
    case "NoEndOfTurn":
      return `The chat template ends messages[${reason.message}] without a special token, ` +
        "so a model could not learn to stop: write eos_token after the assistant's content, inside " +
        "its {% generation %} block where there is one";
    case "NoSupervisedToken":
      return `Expected at least one supervised token but found none in ${reason.tokens} tokens: ` +
        "give the chat an assistant message that survives truncation";
    case "TooLong":
      return `Expected at most ${reason.maxTokens} tokens but found ${reason.tokens}: ` +
        "raise the context, shorten the chat, or choose a truncation";
  }
};

/** The one error of the `data` folder. Its message says where, what was expected, and found. */
export class DataError extends DataErrorBase {
  override get message(): string {
    const { reason } = this;
    const at = "at" in reason ? reason.at : undefined;
    return at === undefined ? explain(reason) : `${at.file}:${at.line}: ${explain(reason)}`;
  }
}

/** Chats, or the failure of a source in which there is none; see `NoChat`. */
export const someChats = <A>(
  chats: ReadonlyArray<A>,
  source: string,
  leftOut: number,
): Effect.Effect<ReadonlyArray<A>, DataError> =>
  chats.length > 0 ? Effect.succeed(chats) : Effect.fail(
    new DataError({
      reason: { _tag: "NoChat", source, ...leftOut > 0 ? { leftOut } : {} },
    }),
  );

/** The same error, saying where the chat was read. */
export const errorAt = (error: DataError, at: Place | undefined): DataError => {
  const { reason } = error;
  if (at === undefined) return error;
  switch (reason._tag) {
    case "CannotRead":
    case "NoSuchDataset":
    case "NoChat":
    case "BadTokenizer":
      return error;
    default:
      return new DataError({ reason: { ...reason, at } });
  }
};
