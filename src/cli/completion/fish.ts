/**
 * The completion script for fish.
 *
 * @module
 */

import { COMMANDS, type CommandSpec, type Completion, SUBCOMMANDS, TRACE } from "../grammar.ts";
import { type CompletedOption, completedOptions, valueFlags } from "./shared.ts";

/** A script for fish 3 or later to source, or to install as `vrft.fish` among its completions. */
export function fishScript(): string {
  return `\
# fish completion for vrft

function __vrft_devices
    for path in /sys/class/net/*
        test -d $path; and string replace --regex '.*/' '' -- $path
    end
end

# The first word that is neither an option nor its value.
function __vrft_word
    set --local words (commandline --tokenize --current-process --cut-at-cursor)[2..]
    while set --query words[1]
        switch $words[1]
            case ${valueFlags(TRACE).join(" ")}
                set words $words[2..]
            case '-*'
            case '*'
                echo -- $words[1]
                return
        end
        set words $words[2..]
    end
end

# Whether the command on the command line is the given one, '' for the trace.
function __vrft_at
    set --local word (__vrft_word)
    contains -- "$word" ${SUBCOMMANDS.map(({ name }) => name).join(" ")}; or set word ''
    test "$word" = "$argv[1]"
end

complete --command vrft --no-files
${SUBCOMMANDS.map(subcommandLine).join("\n")}

${COMMANDS.map(commandLines).join("\n\n")}
`;
}

function subcommandLine({ name, summary }: CommandSpec): string {
  const condition = quote("test -z (__vrft_word)");
  return `complete --command vrft --condition ${condition} --arguments ${name} --description ${
    quote(summary)
  }`;
}

function commandLines(command: CommandSpec): string {
  const lines = completedOptions(command).map((option) => optionLine(command, option));
  const { operand } = command;
  if (operand !== undefined) lines.push(`${complete(command)}${offer(operand.completion)}`);
  return lines.join("\n");
}

function optionLine(command: CommandSpec, option: CompletedOption): string {
  const { long, short, value, description } = option;
  return [
    complete(command),
    short === undefined ? "" : ` --short-option ${short}`,
    ` --long-option ${long}`,
    value === undefined
      ? ""
      : value.list
      ? listOffer(value.completion)
      : offer(value.completion, " --exclusive"),
    ` --description ${quote(description)}`,
  ].join("");
}

function complete(command: CommandSpec): string {
  return `complete --command vrft --condition ${quote(`__vrft_at ${command.name || "''"}`)}`;
}

/** Words that may follow one another, separated by commas. */
function listOffer(completion: Completion): string {
  const words = typeof completion === "string" ? "" : completion.join(" ");
  return ` --exclusive --arguments '(__fish_append , ${words})'`;
}

/** What to offer; `otherwise` is used if files are not an answer. */
function offer(completion: Completion, otherwise = ""): string {
  switch (completion) {
    case "file":
      return " --require-parameter --force-files";
    case "device":
      return `${otherwise} --arguments '(__vrft_devices)'`;
    case "none":
      return otherwise;
    default:
      return `${otherwise} --arguments ${quote(completion.join(" "))}`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
