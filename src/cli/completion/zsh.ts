/**
 * The completion script for zsh.
 *
 * @module
 */

import { type CommandSpec, type Completion, SUBCOMMANDS, TRACE } from "../grammar.ts";
import { type CompletedOption, completedOptions } from "./shared.ts";

/** A script for zsh to source after compinit, or to install as `_vrft` in a directory of `$fpath`. */
export function zshScript(): string {
  return `\
#compdef vrft
# zsh completion for vrft

_vrft_devices() {
  local -a devices
  devices=(/sys/class/net/*(N-/:t))
  compadd -a devices
}

_vrft() {
  local curcontext=$curcontext state line
  typeset -A opt_args

  _arguments -C -s -S -A '-*' \\
${argumentSpecs(TRACE)} \\
    '1: :->command' \\
    '*:: :->rest' && return

  case $state in
    command)
      local -a commands
      commands=(
${SUBCOMMANDS.map(({ name, summary }) => `        ${quote(`${name}:${summary}`)}`).join("\n")}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${[...SUBCOMMANDS, TRACE].map(commandCase).join("\n")}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _vrft ]]; then
  _vrft "$@"
else
  compdef _vrft vrft
fi
`;
}

function commandCase(command: CommandSpec): string {
  const { operand } = command;
  const specs = argumentSpecs(command, "            ");
  const place = operand?.words || operand?.count ? "*" : "1";
  const last = operand === undefined
    ? ""
    : ` \\\n            ${quote(`${place}:${operand.name}:${action(operand.completion)}`)}`;
  return `\
        ${command.name || "*"})
          _arguments -s -S \\
${specs}${last}
          ;;`;
}

function argumentSpecs(command: CommandSpec, indent = "    "): string {
  return completedOptions(command).map((option) => indent + argumentSpec(option)).join(" \\\n");
}

/** One option as `_arguments` expects it: `'(-n --limit)'{-n+,--limit=}'[stop after N rows]:N: '`. */
function argumentSpec({ flags, value, repeatable, description }: CompletedOption): string {
  const names = flags.map((flag) =>
    value === undefined ? flag : flag.startsWith("--") ? `${flag}=` : `${flag}+`
  );
  const alternatives = names.length === 1 ? names[0] : `{${names.join(",")}}`;
  const before = repeatable ? "'*'" : names.length === 1 ? "" : `'(${flags.join(" ")})'`;
  const after = value === undefined ? "" : `:${value.name}:${action(value.completion, value.list)}`;
  return `${before}${alternatives}${quote(`[${description.replaceAll(":", "\\:")}]${after}`)}`;
}

function action(completion: Completion, list?: true): string {
  switch (completion) {
    case "file":
      return "_files";
    case "device":
      return "_vrft_devices";
    case "none":
      // A blank: shows the name of the value and offers nothing.
      return " ";
    default:
      return list ? `_values -s , value ${completion.join(" ")}` : `(${completion.join(" ")})`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
