/** What is said of a run that Ctrl-C ends: how to go on with it. @module */
import * as Cause from "effect/Cause";
import * as Console from "effect/Console";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import type * as Scope from "effect/Scope";

/** Says it on stderr where the scope, that of the run in `directory`, ends by an interruption. */
export const sayIfStopped = (
  verb: string,
  directory: string,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.addFinalizer((exit) =>
    Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      ? Console.error(`stopped; go on with \`${verb} --resume ${directory}\``)
      : Effect.void
  );
