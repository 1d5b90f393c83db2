/** The one place that names the runtime layer: files, paths, standard streams, terminal, processes. @module */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner";
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem";
import * as NodePath from "@effect/platform-node-shared/NodePath";
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio";
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal";
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
