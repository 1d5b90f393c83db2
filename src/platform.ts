/** The one place that names the runtime layer: files, paths, standard streams, terminal, processes. @module */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner";
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem";
import * as NodePath from "@effect/platform-node-shared/NodePath";
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime";
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio";
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal";
import * as Cause from "effect/Cause";
import type * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import type * as FileSystem from "effect/FileSystem";
import * as Layer from "effect/Layer";
import type * as Path from "effect/Path";
import type * as Stdio from "effect/Stdio";
import type * as Terminal from "effect/Terminal";
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner";

/** The services that a command of the terminal may ask for. */
export type Platform =
  | FileSystem.FileSystem
  | Path.Path
  | Stdio.Stdio
  | Terminal.Terminal
  | ChildProcessSpawner;

/** {@linkcode Platform} on Deno, and on Node. */
export const platform: Layer.Layer<Platform> = Layer.provideMerge(
  NodeChildProcessSpawner.layer,
  Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeStdio.layer, NodeTerminal.layer),
);

/** Runs the program of this process; ends it with status 1 on any failure, 130 where it was interrupted. */
export const runMain = <E, A>(program: Effect.Effect<A, E>): void =>
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, end) =>
      end(Exit.isSuccess(exit) ? 0 : Cause.hasInterruptsOnly(exit.cause) ? 130 : 1),
  });

/** Bytes of memory that this machine has free; undefined where it does not say, or may not be asked. */
export const availableMemory = (): number | undefined => {
  try {
    return Deno.systemMemoryInfo().available;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) return undefined;
    throw cause;
  }
};
