import assert from "node:assert/strict";
import { Effect } from "effect";
import { runTrain } from "../../src/cli/train_run.ts";
import { checkRank } from "../../src/cli/check_rank.ts";
import type { TargetModule } from "../../src/config/lora_config.ts";
import { llama } from "../../src/models/llama.ts";
import { platform } from "../../src/platform.ts";

const shape = Effect.runSync(llama.decode({
  ...{ vocab_size: 50, hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2 },
  ...{ num_attention_heads: 4, num_key_value_heads: 1 },
}));

const problem = (rank: number, ...targetModules: ReadonlyArray<TargetModule>) =>
  Effect.runSync(
    checkRank({ rank, targetModules }, { architecture: llama, shape }).pipe(
      Effect.flip,
      Effect.map(({ message }) => message),
      Effect.orElseSucceed(() => "fits"),
    ),
  );

Deno.test("checkRank() takes a rank up to that of the largest adapted weight", () => {
  assert.equal(problem(64, "q_proj", "k_proj"), "fits");
  assert.match(
    problem(65, "q_proj", "down_proj"),
    /\n {2}lora\.rank: Expected at most 64, the full rank of q_proj, got 65$/,
  );
  assert.match(problem(17, "k_proj"), /at most 16, the full rank of k_proj, got 17$/);
  assert.match(problem(51, "embed_tokens"), /at most 50, the full rank of embed_tokens, got 51$/);
});

Deno.test("runTrain() names the rank where it is too much for the model", async () => {
  const out = await Deno.makeTempDir();
  try {
    const failure = await runTrain({
      ...{ preset: "fixture-smoke", config: undefined, model: undefined, data: undefined },
      ...{ diverse: undefined, initAdapter: undefined, seeds: undefined, json: true },
      ...{ set: ["lora.rank=100000"], out, resume: undefined },
    }).pipe(Effect.flip, Effect.provide(platform), Effect.runPromise);
    assert.match(failure.message, /lora\.rank: Expected at most 128, .* got 100000$/);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
