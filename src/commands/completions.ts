/**
 * `vrft completions`: prints a completion script.
 *
 * @module
 */

import { bashScript } from "../cli/completion/bash.ts";
import { fishScript } from "../cli/completion/fish.ts";
import { zshScript } from "../cli/completion/zsh.ts";
import type { Shell } from "../cli/invocation.ts";
import type { CommandIo } from "./io.ts";

const SCRIPTS: Readonly<Record<Shell, () => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/**
 * Prints the completion script for `shell`.
 *
 * @returns exit status 0
 */
export function runCompletions(shell: Shell, io: CommandIo): number {
  io.out(SCRIPTS[shell]());
  return 0;
}
