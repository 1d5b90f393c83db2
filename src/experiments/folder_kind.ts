/** What a folder is of, by the settings in its `config.json`. @module */

/** What holds settings like these, as messages say it; undefined where that is not known. */
export const kindOfSettings = (settings: Readonly<Record<string, unknown>>): string | undefined => {
  if ("checkpointEvery" in settings) return "a run of pretrain";
  if ("model_type" in settings) return "a model";
  const { experiment } = settings;
  if (typeof experiment === "string") return `a run of experiment ${experiment}`;
  return "arms" in settings ? "a run of train" : undefined;
};
