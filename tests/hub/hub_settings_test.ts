import assert from "node:assert/strict";
import { Effect, FileSystem } from "effect";
import { type Environment, type HubSettings, hubSettings } from "../../src/hub/hub_settings.ts";
import { platform } from "../../src/platform.ts";

const settingsOf = (environment: Environment): Promise<HubSettings> =>
  hubSettings(environment).pipe(Effect.provide(platform), Effect.runPromise);

Deno.test("hubSettings() finds the cache where the Python library has it", async () => {
  const places: ReadonlyArray<readonly [Environment, string]> = [
    [{ HOME: "/u" }, "/u/.cache/huggingface/hub"],
    [{ USERPROFILE: "/u" }, "/u/.cache/huggingface/hub"],
    [{ HOME: "/u", XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ HOME: "/u", XDG_CACHE_HOME: "/x", HF_HOME: "~/h" }, "/u/h/hub"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/new" }, "/new"],
    [{ HF_HOME: "/h", HF_HUB_CACHE: "" }, "/h/hub"],
  ];
  for (const [environment, cache] of places) {
    assert.equal((await settingsOf(environment)).cache, cache);
  }
});

Deno.test("hubSettings() takes the token from the environment, else from the file of a login", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const home = yield* fs.makeTempDirectoryScoped();
    assert.equal((yield* hubSettings({ HF_HOME: home })).token, undefined);
    yield* fs.writeFileString(`${home}/token`, "hf_file\n");
    assert.equal((yield* hubSettings({ HF_HOME: home })).token, "hf_file");
    assert.equal((yield* hubSettings({ HF_HOME: home, HF_TOKEN: " hf_own " })).token, "hf_own");
    const elsewhere = { HF_HOME: "/none", HF_TOKEN_PATH: `${home}/token` };
    assert.equal((yield* hubSettings(elsewhere)).token, "hf_file");
    const folder = yield* Effect.flip(hubSettings({ HF_TOKEN_PATH: home }));
    assert.match(folder.message, /: the token cannot be read: /);
  }).pipe(Effect.scoped, Effect.provide(platform), Effect.runPromise));

Deno.test("hubSettings() reads the endpoint and whether to stay offline", async () => {
  const { endpoint, offline } = await settingsOf({
    HF_ENDPOINT: "http://h:1/",
    HF_HUB_OFFLINE: "ON",
  });
  assert.deepEqual([endpoint, offline], ["http://h:1", true]);
  const usual = await settingsOf({ HF_HUB_OFFLINE: "0" });
  assert.deepEqual([usual.endpoint, usual.offline], [undefined, false]);
  await assert.rejects(
    settingsOf({ HF_ENDPOINT: "h" }),
    /^HubError: h: HF_ENDPOINT should be an address/,
  );
});
