/**
 * What the completion scripts of all shells need from the grammar.
 *
 * @module
 */

import { type CommandSpec, flagsOf, type OptionSpec } from "../grammar.ts";

/** An option for a script: its flags, its value and a description without the details in parentheses. */
export interface CompletedOption extends OptionSpec {
  readonly long: string;
  readonly flags: readonly string[];
}

/** Options of `command` in the order of the help. */
export function completedOptions(command: CommandSpec): readonly CompletedOption[] {
  return Object.entries(command.options).map(([long, option]) => ({
    ...option,
    long,
    flags: flagsOf(long, option),
    description: option.description.replace(/ \(.*\)$/, ""),
  }));
}

/** Flags of `command` that are followed by a value. */
export function valueFlags(command: CommandSpec): readonly string[] {
  return completedOptions(command)
    .filter(({ value }) => value !== undefined)
    .flatMap(({ flags }) => flags);
}
