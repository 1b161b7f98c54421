/**
 * Outputs and options of commands, for tests that call what is behind these.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/program.ts";
import type { Output } from "../../src/commands/trace_output.ts";
import type { TextSink } from "./text_sink.ts";

/** The options of a command line. */
export function optionsOf<T>(args: readonly string[]): T {
  const invocation = parseArguments(args, "");
  assert.ok("options" in invocation, JSON.stringify(invocation));
  return invocation.options as T;
}

/** An output that is kept. */
export function outputTo(sink: TextSink): Output {
  return {
    sink,
    name: "test",
    canTravel: false,
    connections: () => [],
    begin: () => {},
    [Symbol.dispose]: () => {},
  };
}
