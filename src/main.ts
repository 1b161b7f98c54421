/**
 * Entry of the program: parses the command line, runs one command, and maps the result to an exit
 * status. Nothing else ends the process.
 *
 * Exit status: 0 for success (including a trace ended by a signal), 1 for failure, 2 for a bad command
 * line.
 *
 * @module
 */

import info from "../build/info.json" with { type: "json" };
import { explain, explanation } from "./check/explain.ts";
import type { Invocation } from "./cli/invocation.ts";
import { parseArguments } from "./cli/program.ts";
import { runCheck } from "./commands/check.ts";
import { runCompletions } from "./commands/completions.ts";
import { runFunctions } from "./commands/functions.ts";
import { runInterfaces } from "./commands/interfaces.ts";
import type { CommandIo } from "./commands/io.ts";
import { runTrace, type TraceSignals } from "./commands/trace.ts";
import { LineWriter, OutputClosed } from "./output/line_writer.ts";
import { Log } from "./output/log.ts";
import { readObject } from "./probe/object_file.ts";
import { printable } from "./sys/printable.ts";
import { Failure } from "./sys/failure.ts";
import { RUNTIME, versionText } from "./version.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

async function main(): Promise<number> {
  const invocation = parseArguments(Deno.args, versionText(info, RUNTIME, Deno.version.deno));
  const writer = new LineWriter(Deno.stdout, "standard output");
  try {
    const status = await run(invocation, writer);
    writer.flush();
    return status;
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    complain(error);
    if (invocation.command === "trace" && error instanceof Failure) {
      const reason = await explain(invocation.options, error);
      if (reason !== null) say([`vrft: ${explanation(reason)}`]);
    }
    return 1;
  }
}

async function run(invocation: Invocation, writer: LineWriter): Promise<number> {
  switch (invocation.command) {
    case "show":
      writer.text(invocation.text);
      return 0;
    case "misuse":
      Deno.stderr.writeSync(new TextEncoder().encode(`vrft: ${invocation.text}`));
      return 2;
    case "functions":
      return await runFunctions(invocation.options, ioOf(writer, invocation.options.debug));
    case "interfaces":
      return await runInterfaces(invocation.options, ioOf(writer, invocation.options.debug));
    case "check":
      return await runCheck(
        invocation.options,
        { ...ioOf(writer, invocation.options.debug), out: (text) => writeNow(writer, text) },
        {
          colour: Deno.stdout.isTerminal() && !Deno.noColor,
          stop: catchSignals().stop,
          readObject,
        },
      );
    case "completions":
      return runCompletions(invocation.shell, ioOf(writer, false));
    case "trace": {
      const log = new Log({ debug: invocation.options.debug });
      return await runTrace(invocation.options, log, catchSignals(), readObject);
    }
  }
}

function ioOf(writer: LineWriter, debug: boolean): CommandIo {
  const log = new Log({ debug });
  return { out: (text) => writer.text(text), log: (text) => log.info(text) };
}

/** For a person waiting for the next line. */
function writeNow(writer: LineWriter, text: string): void {
  writer.text(text);
  writer.flush();
}

/** From now on, signals do not end the process. */
function catchSignals(): TraceSignals {
  const stop = new AbortController();
  const cut = new AbortController();
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (stop.signal.aborted) cut.abort();
      stop.abort();
    });
  }
  return { stop: stop.signal, cut: cut.signal };
}

/** Lines of a failure's details to show: the last ones have the reason. */
const DETAIL_LINES = 20;

/** Reports what went wrong; expected failures without a stack trace. */
function complain(error: unknown): void {
  say(
    error instanceof Failure
      ? [...detailsOf(error), `vrft: ${error.message}`]
      : `vrft: This is a bug in vrft: ${error instanceof Error ? error.stack : error}`.split(
        "\n",
      ),
  );
}

/** Writes lines to standard error. */
function say(lines: readonly string[]): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`${lines.map(printable).join("\n")}\n`));
  } catch {
    // There is nowhere left to report it.
  }
}

function detailsOf(failure: Failure): string[] {
  const details = failure.details.trimEnd();
  return details === "" ? [] : details.split("\n").slice(-DETAIL_LINES);
}

if (import.meta.main) {
  const status = await main();
  Deno.exit(status);
}
