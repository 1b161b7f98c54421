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
import { similarCommand } from "./similar.ts";
import { ValueError } from "./values.ts";

/** Columns to wrap help at, independent of the terminal, so that it is the same in a pipe. */
const HELP_WIDTH = 80;

/** Ends parsing because help or version was requested. */
class Shown extends Error {
  override readonly name = "Shown";
}

/**
 * Parses the arguments of the program. Neither prints nor exits: a user error is returned as `misuse`,
 * help and version as `show`.
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

/** The command framework, set up for one parse, as it keeps its results. */
class Parser {
  /** The command selected by the arguments so far. */
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
      // Options belong to the command they follow: "vrft functions -n 5" is an error, not a limit of
      // nothing.
      .enablePositionalOptions();
    this.#chosen = this.#root;
    describe(this.#root, TRACE);
    // Without an action, the framework takes the first operand for an unknown command.
    this.#root.action(() => {});
    this.#declareOptions(this.#root, TRACE);
    for (const spec of SUBCOMMANDS) {
      const command = this.#root.command(spec.name).allowExcessArguments();
      command.action(() => {});
      describe(command, spec);
    }
    this.#root.hook("preSubcommand", (_root, command) => {
      this.#chosen = command;
      this.spec = SUBCOMMANDS.find((each) => each.name === command.name()) ?? TRACE;
      // Declaring those of all commands would take half of the parse time.
      this.#declareOptions(command, this.spec);
    });
  }

  /**
   * @throws {Misuse} for user errors
   * @throws {CommanderError} for user errors found by the framework
   * @throws {Shown} for help and version
   */
  parse(args: readonly string[]): Invocation {
    try {
      this.#root.parse([...args], { from: "user" });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.code === "commander.unknownOption") this.#explainUnknownOption();
      throw error;
    }
    const operand = this.#operand();
    // "vrft help functions" is "vrft functions --help".
    if (this.spec.name === "help") return this.#help(operand as string | undefined);
    return interpret(this.spec.name, this.#given(), operand);
  }

  /** @throws {Misuse} if there is no such command */
  #help(command: string | undefined): Invocation {
    if (command !== undefined && SUBCOMMANDS.every(({ name }) => name !== command)) {
      this.spec = TRACE;
      throw unknownCommand(command);
    }
    return parseArguments([...command === undefined ? [] : [command], "--help"], this.#version);
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

  /** Parsed operand of the selected command; `undefined` if there is none. */
  #operand(): unknown {
    const { operand } = this.spec;
    if (operand?.words) return this.#chosen.args.join(" ").trim() || undefined;
    const { args } = this.#chosen;
    if (operand?.then !== undefined) {
      const [first, ...rest] = args;
      const parsed = first && parseValue(`'${title(this.spec)}'`, operand.parse, first);
      return [parsed, rest.join(" ").trim() || undefined];
    }
    const count = operand?.count ?? 1;
    const [text] = args;
    const excess = args[operand === undefined ? 0 : count];
    if (excess !== undefined) {
      const advice = count === 1 ? "" : `: it takes ${count}, so quote what has blanks`;
      throw new Misuse(
        `Unexpected argument ${JSON.stringify(excess)} for '${title(this.spec)}'${advice}`,
      );
    }
    if (operand === undefined || text === undefined) return undefined;
    const taker = `'${title(this.spec)}'`;
    if (count === 1) return parseValue(taker, operand.parse, text);
    return args.map((each) => parseValue(taker, operand.parse, each));
  }

  /** Options of the selected command, including those before its name. */
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

  /** @throws {Misuse} if the unknown option exists, but not here or not in this form */
  #explainUnknownOption(): void {
    const [first = ""] = this.#chosen.args;
    // "vrft function --json" is about a command, "vrft icmp --json" is not.
    if (this.spec === TRACE && similarCommand(first) !== null) throw unknownCommand(first);
    // It is the first of the rest that the framework leaves after the operands.
    const flag = flagIn(this.#chosen.args.find((text) => /^-./s.test(text)) ?? "");
    if (hasOption(this.spec, flag)) throw new Misuse(`Option '${flag}' takes no value`);
    if (COMMANDS.some((each) => hasOption(each, flag))) throw misplaced(flag, this.spec);
  }
}

/** Sets what the list of commands shows about one. */
function describe(command: Command, { description, summary, operand }: CommandSpec): void {
  command.description(description).summary(summary);
  if (operand === undefined) return;
  const { optional, count = 1 } = operand;
  const name = operand.words ? `${operand.name}...` : operand.name;
  for (let place = 0; place < count; place++) {
    command.addArgument(new Argument(optional ? `[${name}]` : `<${name}>`));
  }
  if (operand.then !== undefined) command.addArgument(new Argument(`[${operand.then}...]`));
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
    // For example "-i -n 5": the framework takes any next argument as the value.
    const flag = flagIn(text);
    if (hasOption(command, flag)) {
      throw new Misuse(`Option '${flags}' needs a value, but option '${flag}' follows`);
    }
    const parsed = parseValue(`Option '${flags}'`, value.parse, text);
    return spec.repeatable ? [...previous as unknown[] ?? [], parsed] : parsed;
  });
}

/** @throws {Misuse} if `parse` rejects `text`; the message starts with `taker` */
function parseValue(taker: string, parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new Misuse(`${taker} does not accept ${JSON.stringify(text)}: ${error.message}`);
  }
}

/** Values of the options that follow `command` on the command line. */
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

function unknownCommand(word: string): Misuse {
  const command = similarCommand(word);
  const advice = command === null ? "" : ` (did you mean ${command}?)`;
  return new Misuse(`Unknown command '${word}'${advice}`);
}

/** An option of other commands than `spec`. */
function misplaced(flag: string, spec: CommandSpec): Misuse {
  const takers = COMMANDS.filter((each) => hasOption(each, flag));
  const names = new Intl.ListFormat("en-GB").format(takers.map((each) => `'${title(each)}'`));
  return new Misuse(`Option '${flag}' belongs to ${names}, not to '${title(spec)}'`);
}

/** The framework's message in this program's style. */
function sentence(message: string): string {
  const text = message
    .replace(/^error: /, "")
    .replace(/\n\(Did you mean (.*)\?\)$/s, " (did you mean $1?)")
    .replace(/ argument missing$/, " needs a value");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
