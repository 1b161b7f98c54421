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
import { similarCommand } from "./cli/similar.ts";
import { runCheck } from "./commands/check.ts";
import { isColoured } from "./commands/colour.ts";
import { runCompletions } from "./commands/completions.ts";
import { runDiff } from "./commands/diff.ts";
import { runDropPaths } from "./commands/drop_paths.ts";
import { runDrops } from "./commands/drops.ts";
import { runFunctions } from "./commands/functions.ts";
import { runInterfaces } from "./commands/interfaces.ts";
import { runPackets } from "./commands/packets.ts";
import type { CommandIo } from "./commands/io.ts";
import type { TraceSignals } from "./commands/session.ts";
import { runTrace } from "./commands/trace.ts";
import { LineWriter, OutputClosed } from "./output/line_writer.ts";
import { HeldMessages } from "./output/held_messages.ts";
import { Log } from "./output/log.ts";
import { standardError } from "./output/messages.ts";
import { STANDARD_OUTPUT } from "./output/sinks.ts";
import { compileFilters } from "./packet/expression.ts";
import { readObject } from "./probe/object_file.ts";
import { printable } from "./sys/printable.ts";
import { Failure } from "./sys/failure.ts";
import { endingSignals } from "./sys/signals.ts";
import { RUNTIME, versionText } from "./version.ts";

/** Milliseconds to wait for the last messages to be written. */
const LAST_WORDS_MS = 1000;

async function main(): Promise<number> {
  const invocation = parseArguments(Deno.args, versionText(info, RUNTIME, Deno.version.deno));
  const writer = new LineWriter(STANDARD_OUTPUT, "standard output");
  const signals = new Signals();
  try {
    const status = await run(invocation, writer, signals);
    await writer.finish(signals.cut);
    return status;
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    complain(error);
    if (!(error instanceof Failure)) return 1;
    if (error.kind === "usage") return 2;
    if (error.kind === "expression") {
      say(expressionAdvice(invocation));
      return 2;
    }
    if (!isTracing(invocation)) return 1;
    const { command, options } = invocation;
    const reason = options.from === null ? await explain(options, error) : null;
    if (reason !== null) say([`vrft: ${explanation(reason)}`]);
    // As of diff(1), 1 says that there is a difference.
    return command === "diff" ? 2 : 1;
  }
}

/** Commands that trace. */
type Tracing = Extract<
  Invocation,
  { readonly command: "trace" | "drops" | "packets" | "diff" | "record" }
>;

function isTracing(invocation: Invocation): invocation is Tracing {
  return ["trace", "drops", "packets", "diff", "record"].includes(invocation.command);
}

async function run(
  invocation: Invocation,
  writer: LineWriter,
  signals: Signals,
): Promise<number> {
  switch (invocation.command) {
    case "show":
      writer.text(invocation.text);
      return 0;
    case "misuse":
      standardError.write(`vrft: ${invocation.text}`);
      return 2;
    case "drops": {
      const filter = await compileFilters(invocation.options.filters);
      signals.catch();
      const messages = new HeldMessages(standardError);
      const log = new Log({ debug: invocation.options.debug, messages });
      const { from } = invocation.options;
      if (from !== null) {
        const { replayDrops } = await import("./commands/replay_drops.ts");
        return await replayDrops(from, invocation.options, filter, log, messages, signals);
      }
      if (invocation.options.path) {
        return await runDropPaths(invocation.options, filter, log, signals, readObject);
      }
      const { options } = invocation;
      return await runDrops(options, filter, info, log, messages, signals, readObject);
    }
    case "packets": {
      const filter = await compileFilters(invocation.options.filters);
      signals.catch();
      const log = new Log({ debug: invocation.options.debug });
      const { from } = invocation.options;
      if (from !== null) {
        const { replayPackets } = await import("./commands/replay_packets.ts");
        return await replayPackets(from, invocation.options, filter, log, signals);
      }
      const { options } = invocation;
      return await runPackets(options, filter, info.version, log, signals, readObject);
    }
    case "diff": {
      const log = new Log({ debug: invocation.options.debug });
      const { from } = invocation.options;
      if (from !== null) {
        const { replayDiff } = await import("./commands/replay_packets.ts");
        return await replayDiff(from, invocation.options, log, signals);
      }
      return await runDiff(invocation.options, log, signals, readObject);
    }
    case "record": {
      const filter = await compileFilters(invocation.options.filters);
      signals.catch();
      const log = new Log({ debug: invocation.options.debug });
      const { options } = invocation;
      const { flight } = options;
      if (flight !== null) {
        const { runFlightRecorder } = await import("./commands/flight_record.ts");
        return await runFlightRecorder(
          options,
          flight,
          filter,
          info.version,
          log,
          signals,
          readObject,
        );
      }
      const { runRecord } = await import("./commands/record_file.ts");
      return await runRecord(options, filter, info.version, log, signals, readObject);
    }
    case "info": {
      const { runInfo } = await import("./commands/info.ts");
      return runInfo(invocation.options, ioOf(writer, false));
    }
    case "export": {
      const filter = await compileFilters(invocation.options.filters);
      signals.catch();
      const log = new Log({ debug: invocation.options.debug });
      const { runExport } = await import("./commands/export.ts");
      return await runExport(invocation.options, filter, log, signals);
    }
    case "functions":
      return await runFunctions(invocation.options, ioOf(writer, invocation.options.debug));
    case "interfaces":
      return await runInterfaces(invocation.options, ioOf(writer, invocation.options.debug));
    case "check":
      signals.catch();
      return await runCheck(
        invocation.options,
        { ...ioOf(writer, invocation.options.debug), out: (text) => writeNow(writer, text) },
        {
          colour: isColoured(invocation.options.color, null),
          stop: signals.stop,
          readObject,
        },
      );
    case "completions":
      return runCompletions(invocation.shell, ioOf(writer, false));
    case "trace": {
      // Before signals are caught: they end the wait for the name of a host.
      const filter = await compileFilters(invocation.options.filters);
      signals.catch();
      const log = new Log({ debug: invocation.options.debug });
      const { from } = invocation.options;
      if (from !== null) {
        const { replayTrace } = await import("./commands/replay_trace.ts");
        return await replayTrace(from, invocation.options, filter, log, signals);
      }
      const { options } = invocation;
      return await runTrace(options, filter, info.version, log, signals, readObject);
    }
  }
}

function ioOf(writer: LineWriter, debug: boolean): CommandIo {
  const log = new Log({ debug });
  return { out: (text) => writer.text(text), log: (text) => log.info(text) };
}

/** Writes without buffering. */
function writeNow(writer: LineWriter, text: string): void {
  writer.text(text);
  writer.flush();
}

/** The user's signals. */
class Signals implements TraceSignals {
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();

  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  end(): void {
    this.#stop.abort();
  }

  /** Installs handlers: from now on signals do not kill the process. */
  catch(): void {
    for (const [signal, isIgnored] of endingSignals(Deno.env.get("VRFT_IGNORED_SIGNALS"))) {
      // Without a listener, Deno ends.
      Deno.addSignalListener(signal, () => {
        if (isIgnored) return;
        if (this.stop.aborted) this.#cut.abort();
        this.#stop.abort();
      });
    }
    // At the file size limit (ulimit -f), let the write fail instead.
    Deno.addSignalListener("SIGXFSZ", () => {});
  }
}

function firstWord(expression: string | null): string {
  return expression?.split(" ")[0] ?? "";
}

/** What else the user may have meant by a wrong filter. */
function expressionAdvice(invocation: Invocation): string[] {
  if (invocation.command !== "trace") return [`See 'vrft ${invocation.command} --help'`];
  // Its first word may be a command.
  const command = similarCommand(firstWord(invocation.options.filters.any));
  const lines = command === null ? [] : [`vrft: Did you mean the command '${command}'?`];
  return [...lines, "See 'vrft --help'"];
}

/** Number of lines of a failure's details to show: the reason is in the last ones. */
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
  standardError.write(`${lines.map(printable).join("\n")}\n`);
}

function detailsOf(failure: Failure): string[] {
  const details = failure.details.trimEnd();
  return details === "" ? [] : details.split("\n").slice(-DETAIL_LINES);
}

if (import.meta.main) {
  const status = await main();
  await standardError.finish(LAST_WORDS_MS);
  Deno.exit(status);
}
