/**
 * What a command's output may have that is no text: colours, and a table that changes.
 *
 * @module
 */

import type { ColorChoice } from "../cli/invocation.ts";

/** What stdout is, and what the environment says. */
export interface StandardOutput {
  readonly isTerminal: boolean;
  /** Whether `NO_COLOR` is set. */
  readonly noColor: boolean;
  /** Whether the terminal knows no escape sequences (`TERM=dumb`). */
  readonly isDumb: boolean;
}

/**
 * Decides for a command's output.
 *
 * @param color as the user chose: that wins over `NO_COLOR` and `TERM`
 * @param output file that is written to; `null` for stdout
 */
export function isColoured(
  color: ColorChoice,
  output: string | null,
  stdout: StandardOutput = standardOutput(),
): boolean {
  if (color !== "auto") return color === "always";
  return canMove(output, stdout) && !stdout.noColor;
}

/**
 * Whether what was printed can be overwritten, as a table needs.
 *
 * @param output file that is written to; `null` for stdout
 */
export function canMove(
  output: string | null,
  { isTerminal, isDumb }: StandardOutput = standardOutput(),
): boolean {
  return output === null && isTerminal && !isDumb;
}

function standardOutput(): StandardOutput {
  return {
    isTerminal: Deno.stdout.isTerminal(),
    noColor: Deno.noColor,
    isDumb: Deno.env.get("TERM") === "dumb",
  };
}
