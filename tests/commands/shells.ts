/**
 * Asks real shells what they would offer, given a completion script.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Shell } from "../../src/cli/invocation.ts";

/**
 * What `shell` offers for the last of `words`, sorted, with what it quotes for the command line as
 * quoted; run in `directory`.
 */
export async function offers(
  shell: Shell,
  script: string,
  words: readonly string[],
  directory: string,
): Promise<string[]> {
  return (await offersOfAll(shell, script, [words], directory))[0]!;
}

/** {@linkcode offers} for each of several lines, by as few starts of the shell as it takes. */
export async function offersOfAll(
  shell: Shell,
  script: string,
  lines: readonly (readonly string[])[],
  directory: string,
): Promise<string[][]> {
  const all = await ASK[shell](script, lines, directory);
  assert.equal(all.length, lines.length);
  return all.map((text) => text.split("\n").filter((line) => line !== "").sort());
}

/** What is offered for each line, as text. */
type Ask = (
  script: string,
  lines: readonly (readonly string[])[],
  directory: string,
) => Promise<string[]>;

const ASK: Readonly<Record<Shell, Ask>> = {
  bash: each(askBash),
  zsh: askZsh,
  fish: each(askFish),
};

/** A start of the shell for each line. */
function each(
  ask: (script: string, words: readonly string[], directory: string) => Promise<string>,
): Ask {
  return async (script, lines, directory) => {
    const texts: string[] = [];
    for (const words of lines) texts.push(await ask(script, words, directory));
    return texts;
  };
}

/** As readline calls the function; compopt, of use inside readline only, does nothing. */
function askBash(script: string, words: readonly string[], directory: string): Promise<string> {
  const call = `
compopt() { :; }
COMP_WORDS=("$0" "$@")
COMP_CWORD=$#
_vrft
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const [name = "", ...rest] = words;
  return run("bash", ["--norc", "--noprofile", "-c", script + call, name, ...rest], directory);
}

async function askFish(script: string, words: readonly string[], cwd: string): Promise<string> {
  const call = 'complete --do-complete "$argv[1]"';
  const output = await run("fish", ["--no-config", "-c", script + call, words.join(" ")], cwd);
  return output.replace(/\t.*/g, "");
}

let zdotdir: string | undefined;

/** Where zsh starts: one for all calls, as the first compinit there reads all functions of zsh, for seconds. */
function zshHome(): string {
  if (zdotdir === undefined) {
    const made = Deno.makeTempDirSync({ prefix: "vrft-zsh-" });
    addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));
    zdotdir = made;
  }
  return zdotdir;
}

/** The line editor needs a terminal: one zsh gives it to another, which completes and ends. */
async function askZsh(
  script: string,
  lines: readonly (readonly string[])[],
  cwd: string,
): Promise<string[]> {
  const home = zshHome();
  await Deno.writeTextFile(`${home}/_vrft`, script);
  await Deno.writeTextFile(`${home}/offers`, "");
  await Deno.writeTextFile(`${home}/.zshrc`, ZSHRC);
  const terminal = "zmodload zsh/zpty; zpty inner zsh -i; while zpty -r inner line; do :; done";
  const env = {
    ZDOTDIR: home,
    VRFT_LINES: lines.map((words) => words.join(" ")).join("\n"),
    TERM: "dumb",
  };
  await run("zsh", ["-f", "-c", terminal], cwd, env);
  // The first part is what precedes the first line: nothing.
  return (await Deno.readTextFile(`${home}/offers`)).split(ZSH_LINE).slice(1);
}

/** Precedes what is offered for a line. */
const ZSH_LINE = "== line\n";

/** Completes each of VRFT_LINES and writes down what compadd is given, but for its calls that add nothing. */
const ZSHRC = `
fpath+=$ZDOTDIR
autoload -Uz compinit
compinit -C -d $ZDOTDIR/dump
compadd() {
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    local -a offered
    builtin compadd -O offered "$@"
    print -rl -- $offered >>$ZDOTDIR/offers
  fi
  builtin compadd "$@"
}
lines=("\${(@f)VRFT_LINES}")
zle-line-init() {
  (( $#lines > 0 )) || exit
  BUFFER=$lines[1]
  shift lines
  CURSOR=$#BUFFER
  print -r -- "== line" >>$ZDOTDIR/offers
  zle complete-word
  BUFFER=
  zle accept-line
}
zle -N zle-line-init
`;

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { ...env, LC_ALL: "C" },
    stdin: "null",
    signal: AbortSignal.timeout(30_000),
  });
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assert.equal(decoder.decode(stderr), "");
  assert.equal(code, 0);
  return decoder.decode(stdout);
}
