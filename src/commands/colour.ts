/**
 * Whether what a command prints is coloured.
 *
 * @module
 */

import type { ColorChoice } from "../cli/invocation.ts";

/** What stdout is, and whether `NO_COLOR` is set. */
export interface ColourSource {
  readonly isTerminal: boolean;
  readonly noColor: boolean;
}

/**
 * Decides for a command's output.
 *
 * @param color as the user chose: that wins over `NO_COLOR`
 * @param output file that is written to; `null` for stdout
 */
export function isColoured(
  color: ColorChoice,
  output: string | null,
  stdout: ColourSource = { isTerminal: Deno.stdout.isTerminal(), noColor: Deno.noColor },
): boolean {
  if (color !== "auto") return color === "always";
  return output === null && stdout.isTerminal && !stdout.noColor;
}
