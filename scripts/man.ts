/**
 * Prints the manual page: `deno run scripts/man.ts VERSION DATE`. It is generated from the same
 * declarations as the parser and the help.
 *
 * @module
 */

import { COMMANDS, type CommandSpec, flagsOf, type OptionSpec } from "../src/cli/grammar.ts";
import { type Entry, parseNotes } from "./man/notes.ts";
import { bold, italic, literal, prose } from "./man/roff.ts";

/** Headings of notes that are sections of the page, in the order of man-pages(7). */
const SECTIONS = ["Exit status", "Environment", "Files", "Examples"];

/**
 * The manual page as roff, for section 1.
 *
 * @param commands the unnamed one first
 * @param version of the program
 * @param date of the page: `2026-11-22`
 */
export function manualPage(
  commands: readonly CommandSpec[],
  version: string,
  date: string,
): string {
  const [main, ...subcommands] = commands;
  if (main === undefined) throw new Error("A program has a command at least");
  const lines = [
    '.\\" Made by scripts/man.ts from the grammar of the command line.',
    `.TH VRFT 1 ${date} "vrft ${literal(version)}" "User Commands"`,
    // Otherwise commands would have gaps between their words.
    ".ad l",
    ".nh",
    ".SH NAME",
    prose(`vrft - ${purpose(main)}`),
    ".SH SYNOPSIS",
    // If filled, commands would be joined to the line above.
    ".nf",
    ...commands.map(usage),
    ".fi",
    ".SH DESCRIPTION",
    prose(main.description),
    ...paragraphs(main),
    ".SH OPTIONS",
    ...groupedOptions(main),
    ...furtherSections(main),
    ".SH COMMANDS",
    ...subcommands.flatMap(subcommand),
    ...SECTIONS.flatMap((title) => commonSection(title, commands)),
  ];
  return `${lines.join("\n")}\n`;
}

/** The first sentence of the description, for section NAME. */
function purpose({ description }: CommandSpec): string {
  const [sentence = ""] = description.split(/\.(?: |$)/);
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

function title({ name }: CommandSpec): string {
  return `vrft ${name}`.trimEnd();
}

/** `vrft help [OPTION]... [command]` */
function usage(spec: CommandSpec): string {
  const words = [bold(title(spec)), `[${italic("OPTION")}]...`];
  if (spec.operand !== undefined) {
    const { name, optional, count = 1 } = spec.operand;
    const dots = spec.operand.words ? "..." : "";
    const { then } = spec.operand;
    const word = (optional ? `[${italic(name)}]` : italic(name)) + dots;
    words.push(...Array<string>(count).fill(word));
    if (then !== undefined) words.push(`[${italic(then)}]...`);
  }
  return words.join(" ");
}

function subcommand(spec: CommandSpec): string[] {
  return [
    `.SS ${usage(spec)}`,
    prose(spec.description),
    ...paragraphs(spec),
    ...Object.entries(spec.options).flatMap(([long, each]) => option(long, each)),
    ...furtherSections(spec),
  ];
}

function groupedOptions({ options }: CommandSpec): string[] {
  const groups = Object.groupBy(Object.entries(options), ([, { group }]) => group);
  return Object.entries(groups).flatMap(([group, members = []]) => [
    `.SS ${literal(group.replace(/:$/, ""))}`,
    ...members.flatMap(([long, spec]) => option(long, spec)),
  ]);
}

function option(long: string, spec: OptionSpec): string[] {
  const flags = flagsOf(long, spec).map(bold).join(", ");
  const value = spec.value === undefined ? "" : ` ${italic(spec.value.name)}`;
  return [".TP", `${flags}${value}`, prose(spec.description)];
}

function paragraphs(spec: CommandSpec): string[] {
  return parseNotes(spec.notes).paragraphs.flatMap((text) => [".PP", prose(text)]);
}

/** Sections of a command's notes that are not sections of the page. */
function furtherSections(spec: CommandSpec): string[] {
  return parseNotes(spec.notes).sections
    .filter(({ title }) => !SECTIONS.includes(title))
    .flatMap(({ title, entries }) => [".PP", `${bold(`${title}:`)}`, ...table(entries)]);
}

/** A section of the page, from the notes of all commands, merging equal ones. */
function commonSection(name: string, commands: readonly CommandSpec[]): string[] {
  const bodies = new Map<string, CommandSpec[]>();
  for (const spec of commands) {
    for (const section of parseNotes(spec.notes).sections) {
      if (section.title !== name) continue;
      const body = table(section.entries).join("\n");
      bodies.set(body, [...bodies.get(body) ?? [], spec]);
    }
  }
  if (bodies.size === 0) return [];
  const lines = [`.SH ${literal(name.toUpperCase())}`];
  for (const [body, specs] of bodies) {
    // An example starts with its command.
    if (name !== "Examples" && bodies.size > 1) {
      if (lines.length > 1) lines.push(".PP");
      lines.push(`${list(specs.map((spec) => bold(title(spec))))}:`);
    }
    lines.push(body);
  }
  return lines;
}

/** `a, b and c` */
function list(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

function table(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ term, description }) =>
    description === "" ? [".PP", bold(term)] : [".TP", bold(term), prose(description)]
  );
}

if (import.meta.main) {
  const [version, date] = Deno.args;
  if (version === undefined || date === undefined) throw new Error("Needed are VERSION and DATE");
  console.log(manualPage(COMMANDS, version, date).trimEnd());
}
