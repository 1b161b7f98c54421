/**
 * Turns the arguments of the program into an {@linkcode Invocation}. The only file that knows the
 * command framework; the commands themselves are declared in `grammar.ts`.
 *
 * @module
 */

import { Argument, Command, CommanderError, Option } from "commander";
import { printable } from "../sys/printable.ts";
import {
  COMMANDS,
  type CommandSpec,
  flagsOf,
  type OptionSpec,
  SUBCOMMANDS,
  TRACE,
} from "./grammar.ts";
import { type GivenOptions, interpret, Misuse } from "./interpret.ts";
import type { Invocation } from "./invocation.ts";
import { ValueError } from "./values.ts";

/** Columns that help is wrapped at, whatever the terminal: it reads the same in a pipe. */
const HELP_WIDTH = 80;

/** Ends parsing because help or version was asked for. */
class Shown extends Error {
  override readonly name = "Shown";
}

/**
 * Parses the arguments of the program. Prints nothing and ends nothing: a mistake of the user's
 * comes back as `misuse`, help and version as `show`.
 *
 * @param args arguments without the program's name
 * @param version text that --version shows, with its line ends
 * @example
 * ```ts
 * parseArguments(["-n", "400"], "vrft 1.0.0\n"); // { command: "trace", options: { limit: 400, … } }
 * ```
 */
export function parseArguments(args: readonly string[], version: string): Invocation {
  const parser = new Parser(version);
  try {
    return parser.parse(args);
  } catch (error) {
    if (error instanceof Shown) return { command: "show", text: error.message };
    if (!(error instanceof Misuse || error instanceof CommanderError)) throw error;
    const message = error instanceof Misuse ? error.message : sentence(error.message);
    return {
      command: "misuse",
      text: `${printable(message)}\nSee '${title(parser.spec)} --help'\n`,
    };
  }
}

/** The command framework set up for one parse: it keeps what it parsed. */
class Parser {
  /** The command that the arguments have chosen so far. */
  spec = TRACE;
  #chosen: Command;
  readonly #root: Command;
  readonly #version: string;

  constructor(version: string) {
    this.#version = version;
    this.#root = new Command("vrft")
      .exitOverride()
      .configureOutput({
        writeErr: () => {},
        getErrHelpWidth: () => HELP_WIDTH,
        getErrHasColors: () => false,
        getOutHelpWidth: () => HELP_WIDTH,
        getOutHasColors: () => false,
      })
      .configureHelp({ subcommandTerm: subcommandUsage })
      .helpOption(false)
      .helpCommand(false)
      // Options are taken by the command that they stand behind: "vrft functions -n 5" is an error
      // and not a limit of nothing.
      .enablePositionalOptions();
    this.#chosen = this.#root;
    describe(this.#root, TRACE);
    this.#declareOptions(this.#root, TRACE);
    for (const spec of SUBCOMMANDS) {
      const command = this.#root.command(spec.name).allowExcessArguments();
      command.action(() => {});
      describe(command, spec);
    }
    this.#root.hook("preSubcommand", (_root, command) => {
      this.#chosen = command;
      this.spec = SUBCOMMANDS.find((each) => each.name === command.name()) ?? TRACE;
      // Those of all commands would take as long as half of the parsing.
      this.#declareOptions(command, this.spec);
    });
  }

  /**
   * @throws {Misuse} for mistakes
   * @throws {CommanderError} for mistakes that the framework finds
   * @throws {Shown} for help and version
   */
  parse(args: readonly string[]): Invocation {
    try {
      this.#root.parse([...args], { from: "user" });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.code === "commander.unknownOption") this.#explainUnknownOption();
      // The framework's answer where no subcommand is named: it would print help, vrft traces. An
      // action of the root would do as well, but then "vrft function --json" complained of --json.
      if (error.code !== "commander.help") throw error;
    }
    const operand = this.#operand();
    // "vrft help functions" is "vrft functions --help"; an unknown command is reported as such.
    if (this.spec.name === "help") {
      const words = SUBCOMMANDS.some((each) => each.name === operand)
        ? [operand, "--help"]
        : [operand ?? "--help"];
      return parseArguments(words as string[], this.#version);
    }
    return interpret(this.spec.name, this.#given(), operand);
  }

  #declareOptions(command: Command, spec: CommandSpec): void {
    for (const [long, option] of Object.entries(spec.options)) {
      command.addOption(frameworkOption(long, option, spec));
    }
    command.on("option:help", () => {
      throw new Shown(`${command.helpInformation()}\n${spec.notes}\n`);
    });
    command.on("option:version", () => {
      throw new Shown(this.#version);
    });
  }

  /** Parsed operand of the chosen command, `undefined` where there is none. */
  #operand(): unknown {
    const { operand } = this.spec;
    const [text, ...rest] = this.#chosen.args;
    const excess = operand === undefined ? text : rest[0];
    if (excess !== undefined) {
      throw new Misuse(`Unexpected argument ${JSON.stringify(excess)} of '${title(this.spec)}'`);
    }
    if (operand === undefined || text === undefined) return undefined;
    return parseValue(`'${title(this.spec)}'`, operand.parse, text);
  }

  /** Options of the chosen command, with those given in front of its name. */
  #given(): GivenOptions {
    const given = givenOptions(this.#chosen);
    if (this.#chosen === this.#root) return given;
    for (const [long, value] of Object.entries(givenOptions(this.#root))) {
      const option = this.spec.options[long];
      if (option === undefined) throw misplaced(`--${long}`, this.spec);
      if (option.repeatable) {
        given[long] = [...value as unknown[], ...given[long] as unknown[] ?? []];
      } else {
        given[long] ??= value;
      }
    }
    return given;
  }

  /** @throws {Misuse} if the unknown option is known after all, only not like that */
  #explainUnknownOption(): void {
    // It leads what the framework has left over behind the operands.
    const flag = flagIn(this.#chosen.args.find((text) => /^-./s.test(text)) ?? "");
    if (hasOption(this.spec, flag)) throw new Misuse(`Option '${flag}' takes no value`);
    if (COMMANDS.some((each) => hasOption(each, flag))) throw misplaced(flag, this.spec);
  }
}

/** What the list of commands tells of one. */
function describe(command: Command, { description, summary, operand }: CommandSpec): void {
  command.description(description).summary(summary);
  if (operand === undefined) return;
  const { name, optional } = operand;
  command.addArgument(new Argument(optional ? `[${name}]` : `<${name}>`));
}

/** `vrft`, or `vrft functions`. */
function title(spec: CommandSpec): string {
  return spec.name === "" ? "vrft" : `vrft ${spec.name}`;
}

/** `completions <bash|zsh|fish>`: the framework's own term adds "[options]" to each. */
function subcommandUsage(command: Command): string {
  const names = command.registeredArguments.map((each) =>
    each.required ? `<${each.name()}>` : `[${each.name()}]`
  );
  return [command.name(), ...names].join(" ");
}

function frameworkOption(long: string, spec: OptionSpec, command: CommandSpec): Option {
  const { value } = spec;
  const flags = flagsOf(long, spec).join(", ") + (value === undefined ? "" : ` <${value.name}>`);
  const option = new Option(flags, spec.description).helpGroup(spec.group);
  if (value === undefined) return option;
  return option.argParser((text: string, previous: unknown): unknown => {
    // As in "-i -n 5": the framework takes the next argument whatever it is.
    const flag = flagIn(text);
    if (hasOption(command, flag)) {
      throw new Misuse(`Option '${flags}' needs a value, not the option '${flag}'`);
    }
    const parsed = parseValue(`Option '${flags}'`, value.parse, text);
    return spec.repeatable ? [...previous as unknown[] ?? [], parsed] : parsed;
  });
}

/** @throws {Misuse} when `parse` does not take `text`; `taker` begins its message */
function parseValue(taker: string, parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new Misuse(`${taker} does not take ${JSON.stringify(text)}: ${error.message}`);
  }
}

/** Values of the options that stand on the command line behind `command`. */
function givenOptions(command: Command): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const option of command.options) {
    const key = option.attributeName();
    if (command.getOptionValueSource(key) !== "cli") continue;
    given[option.name()] = option.negate || command.getOptionValue(key);
  }
  return given;
}

/** The flag of an argument: `--limit` of `--limit=5`, `-n` of `-n5`. */
function flagIn(text: string): string {
  return text.startsWith("--") ? text.replace(/=.*/s, "") : text.slice(0, 2);
}

/** Whether `flag` (`-n` or `--limit`) names an option of `command`. */
function hasOption(command: CommandSpec, flag: string): boolean {
  return Object.entries(command.options).some(([long, option]) =>
    flagsOf(long, option).includes(flag)
  );
}

/** An option of other commands than `spec`. */
function misplaced(flag: string, spec: CommandSpec): Misuse {
  const takers = COMMANDS.filter((each) => hasOption(each, flag));
  const names = new Intl.ListFormat("en-GB").format(takers.map((each) => `'${title(each)}'`));
  return new Misuse(`Option '${flag}' does not belong to '${title(spec)}' but to ${names}`);
}

/** The framework's message in this program's style. */
function sentence(message: string): string {
  const text = message
    .replace(/^error: /, "")
    .replace(/\n\(Did you mean (.*)\?\)$/s, " (did you mean $1?)")
    .replace(/ argument missing$/, " needs a value");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
