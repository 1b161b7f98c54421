/**
 * `vrft check`: reports whether this host can be traced, and what is missing.
 *
 * @module
 */

import { type CheckChoices, checkHost, type CheckTools } from "../check/checks.ts";
import type { CheckResult } from "../check/outcome.ts";
import { reportJson, reportLines, summarize } from "../check/report.ts";
import type { CheckOptions } from "../cli/invocation.ts";
import { AttachCancelled, type ObjectReader } from "../probe/backend.ts";
import type { CommandIo } from "./io.ts";

/** What the command needs apart from its options. */
export interface CheckSurroundings {
  /** Whether signs are coloured. */
  readonly colour: boolean;
  /** Aborted when the user interrupts. */
  readonly stop: AbortSignal;
  /** Reads a BPF object that this program was built with. */
  readonly readObject: ObjectReader;
}

/** Runs the checks. */
export type HostChecks = (
  choices: CheckChoices,
  tools: CheckTools,
) => AsyncGenerator<CheckResult, void, void>;

/**
 * Checks this host and prints each result as soon as it is known; JSON is printed at the end.
 *
 * @param checks runs the checks; by default on this host
 * @returns exit status: 0 if tracing will work
 */
export async function runCheck(
  options: CheckOptions,
  io: CommandIo,
  { colour, stop, readObject }: CheckSurroundings,
  checks: HostChecks = checkHost,
): Promise<number> {
  const tools: CheckTools = {
    readObject,
    cancelled: () => stop.aborted,
    debug: (message) => {
      if (options.debug) io.log(message);
    },
  };
  const results: CheckResult[] = [];
  try {
    for await (const result of checks(options, tools)) {
      results.push(result);
      if (!options.json) io.out(reportLines(result, colour));
    }
  } catch (error) {
    if (!(error instanceof AttachCancelled)) throw error;
    io.log("Interrupted; everything is detached");
    return 1;
  }
  const { works, text } = summarize(results);
  io.out(options.json ? reportJson(results) : `\n${text}\n`);
  return works ? 0 : 1;
}
