/** What a folder is of, by the settings in its `config.json`. @module */
import { Result } from "effect";

/** What holds settings like these, as messages say it; undefined where that is not known. */
export const kindOfSettings = (settings: Readonly<Record<string, unknown>>): string | undefined => {
  if ("checkpointEvery" in settings) return "a run of pretrain";
  if ("model_type" in settings) return "a model";
  const { experiment } = settings;
  if (typeof experiment === "string") return `a run of experiment ${experiment}`;
  return "arms" in settings ? "a run of train" : undefined;
};

/** The JSON object that `text` is; undefined where it is none. */
export const jsonObject = (text: string): Readonly<Record<string, unknown>> | undefined => {
  const json = Result.try(() => JSON.parse(text) as unknown);
  if (Result.isFailure(json)) return undefined;
  const value = json.success;
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Readonly<Record<string, unknown>>
    : undefined;
};
