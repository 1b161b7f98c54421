/**
 * Checks as text for people, and as JSON for scripts.
 *
 * @module
 */

import { BACKENDS } from "../probe/backend_choice.ts";
import { printable, printableJson } from "../sys/printable.ts";
import type { CheckResult, Status } from "./outcome.ts";

/** The sign of each status, and its colour on a terminal (ECMA-48, SGR). */
const MARKS: Readonly<Record<Status, readonly [mark: string, colour: number]>> = {
  ok: ["✔", 32],
  failed: ["✖", 31],
  note: ["–", 2],
};

/** Columns of a line, unless a single word is longer. */
const WIDTH = 100;
/** Columns of the titles; the longest is CONFIG_DEBUG_INFO_BTF_MODULES. */
const TITLE_WIDTH = 30;
const TEXT_WIDTH = WIDTH - TITLE_WIDTH - 2;
const INDENT = " ".repeat(TITLE_WIDTH + 2);
const ARROW = "→ ";

/** The outcome of all checks. */
export interface Summary {
  readonly works: boolean;
  /** Name of the backend that a trace will use; `null` if it will not work. */
  readonly backend: string | null;
  readonly text: string;
}

/**
 * A check in lines of 100 columns: sign, title, what was found, and below it what to do.
 *
 * @param colour whether the sign is coloured
 */
export function reportLines(result: CheckResult, colour: boolean): string {
  const [mark, code] = MARKS[result.status];
  const sign = colour ? `\x1b[${code}m${mark}\x1b[0m` : mark;
  const lines = wrap(printable(result.found), TEXT_WIDTH);
  if (result.advice !== null) {
    const advice = wrap(printable(result.advice), TEXT_WIDTH - ARROW.length);
    lines.push(...advice.map((line, index) => (index === 0 ? ARROW : "  ") + line));
  }
  const text = lines.map((line, index) => (index === 0 ? line : INDENT + line)).join("\n");
  return `${sign} ${result.title.padEnd(TITLE_WIDTH)}${text}\n`;
}

/** The last line: whether tracing will work. */
export function summarize(results: readonly CheckResult[]): Summary {
  const failures = results.filter(({ status }) => status === "failed").length;
  const backend = BACKENDS.find(({ name }) =>
    results.some(({ check, status }) => check === `backend_${name}` && status === "ok")
  );
  if (failures === 0 && backend !== undefined) {
    return { works: true, backend: backend.name, text: `Tracing will work with ${backend.title}` };
  }
  const missing = failures === 1 ? "1 thing is missing" : `${failures} things are missing`;
  return { works: false, backend: null, text: `Tracing will not work: ${missing}` };
}

/** All of it, with stable keys in a stable order. */
export function reportJson(results: readonly CheckResult[]): string {
  const { works, backend, text } = summarize(results);
  const checks = results.map(({ check, status, found, advice }) => ({
    check,
    status,
    found,
    advice,
  }));
  return printableJson({ works, backend, summary: text, checks });
}

/** Breaks lines at blanks; a word longer than a line stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && [...line].length + 1 + [...word].length > width) {
      lines.push(line);
      line = word;
    } else {
      line += line === "" ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}
