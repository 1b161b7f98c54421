/**
 * The completion script for bash.
 *
 * @module
 */

import { type CommandSpec, type Completion, SUBCOMMANDS, TRACE } from "../grammar.ts";
import { completedOptions, valueFlags } from "./shared.ts";

/**
 * A script for bash 4.1 or later to source. Does not need the bash-completion package.
 *
 * Readline splits `--limit=5` into three words if `=` is in COMP_WORDBREAKS; otherwise it is one.
 * Device names are untrusted: they are quoted, and not passed to `compgen -W`, which would execute a
 * name such as `$(reboot)`.
 */
export function bashScript(): string {
  return `\
# bash completion for vrft

_vrft_words() {
  mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$1" -- "$cur")
}

# Words that may follow one another, separated by commas
_vrft_list() {
  [[ $cur == *,* ]] && prefix+=\${cur%,*}, && cur=\${cur##*,}
  _vrft_words "$1"
  compopt -o nospace
}

_vrft_files() {
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$cur")
}

_vrft_devices() {
  local path name
  for path in /sys/class/net/*; do
    name=\${path##*/}
    [[ -d $path && $name == "$cur"* ]] || continue
    printf -v name %q "$name"
    COMPREPLY+=("$prefix$name")
  done
}

_vrft() {
  local cur=\${COMP_WORDS[COMP_CWORD]} option=\${COMP_WORDS[COMP_CWORD - 1]} prefix='' command='' i
  COMPREPLY=()

  if [[ $cur == = ]]; then
    cur=
  elif [[ $option == = ]]; then
    option=\${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $cur == --*=* ]]; then
    option=\${cur%%=*}
    prefix=$option=
    cur=\${cur#*=}
  fi

  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${valueFlags(TRACE).join(" | ")})
        [[ \${COMP_WORDS[i + 1]} == = ]] && ((i++))
        ((i++))
        ;;
      -*) ;;
      *)
        command=\${COMP_WORDS[i]}
        break
        ;;
    esac
  done

  case $command in
${[...SUBCOMMANDS, TRACE].map(commandCase).join("\n")}
  esac
}

complete -F _vrft vrft
`;
}

/** The `case` arm of one command: values after their options, else options or words. */
function commandCase(command: CommandSpec): string {
  const options = completedOptions(command);
  const arms = new Map<string, string[]>();
  for (const { flags, value } of options) {
    if (value === undefined) continue;
    const action = offer(value.completion, value.list);
    arms.set(action, [...arms.get(action) ?? [], ...flags]);
  }
  const lines = [...arms].map(([action, flags]) =>
    `${flags.map((flag) => `${flag}/*`).join(" | ")}) ${action} ;;`
  );
  const names = SUBCOMMANDS.map(({ name }) => name);
  // Behind the first word of a filter there are options, but no more commands.
  const words = command === TRACE
    ? `[[ -n $command ]] || ${offer(names)}`
    : offer(command.operand?.completion ?? "none");
  return `\
    ${command.name || "*"})
      case $option/$cur in
${lines.map((line) => `        ${line}\n`).join("")}\
        */-*) ${offer(options.flatMap(({ flags }) => flags))} ;;
        *) ${words} ;;
      esac
      ;;`;
}

function offer(completion: Completion, list?: true): string {
  switch (completion) {
    case "file":
      return "_vrft_files";
    case "device":
      return "_vrft_devices";
    case "none":
      return ":";
    default:
      return `${list ? "_vrft_list" : "_vrft_words"} '${completion.join(" ")}'`;
  }
}
