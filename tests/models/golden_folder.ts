/** A golden's adapter as a folder in PEFT's layout. @module */
import { Effect, FileSystem, type Path, type PlatformError, type Scope } from "effect";
import type { ModelError } from "../../src/models/model_error.ts";
import type { Adapter as StoredAdapter } from "../../src/weights/stored_adapter.ts";
import { writeAdapter } from "../../src/weights/write_adapter.ts";
import type { WeightsError } from "../../src/weights/weights_error.ts";
import { type Golden, matricesOf, openGolden, tensorOf } from "./golden.ts";

/** The directory of the golden called `name`, as the command line would be given it. */
export const goldenDirectory = (name: string): string => `fixtures/goldens/${name}`;

/** The adapter of `golden`, called `name`, as host values. */
export const storedGolden = (name: string, golden: Golden): StoredAdapter => {
  const { lora: { rank, alpha, new_ids: ids }, shape: { tiedHead } } = golden;
  return {
    ...{ rank, alpha, dropout: 0, rsLora: false, base: { model: goldenDirectory(name) } },
    linears: matricesOf(golden, "lora"),
    rows: {
      tokens: ids.map((id) => ({ id })),
      input: tensorOf(golden, "rows.input"),
      ...tiedHead ? {} : { output: tensorOf(golden, "rows.output") },
    },
  };
};

/** Writes the adapter of the golden called `name`, or what `change` makes of it, for a scope. */
export const goldenFolder = (
  name: string,
  change: (stored: StoredAdapter, golden: Golden) => StoredAdapter = (stored) => stored,
): Effect.Effect<
  { readonly model: string; readonly adapter: string; readonly golden: Golden },
  WeightsError | ModelError | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const adapter = yield* fs.makeTempDirectoryScoped();
    const golden = yield* openGolden(name);
    yield* writeAdapter(adapter, change(storedGolden(name, golden), golden));
    return { model: goldenDirectory(name), adapter, golden };
  });
