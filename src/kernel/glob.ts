/**
 * Globs for function names: `*`, `?` and `[a-z]`, `[!a-z]`.
 *
 * Matched by hand rather than by a regular expression made from the glob, so that the work for one
 * name is bounded by the product of the two lengths whatever the glob.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";

/** What one character must be: a code unit, or any of a set. */
type Single = number | ((code: number) => boolean);

/** A glob, taken apart: `null` stands for `*`. */
type Step = Single | null;

/**
 * A test for names by one or more globs; each covers the whole name.
 *
 * @returns whether any of `globs` matches a name; never, when there are none
 * @throws {Failure} when a bracket is not closed
 *
 * @example
 * ```ts
 * const matches = matcher(["vr_*", "nh_output"]);
 * matches("vr_flow_forward"); // true
 * ```
 */
export function matcher(globs: readonly string[]): (name: string) => boolean {
  const all = globs.map(parse);
  return (name) => all.some((steps) => matches(steps, name));
}

function parse(glob: string): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < glob.length; at++) {
    const character = glob.charAt(at);
    if (character === "*") {
      steps.push(null);
    } else if (character === "?") {
      steps.push(() => true);
    } else if (character === "[") {
      // A closing bracket that comes first belongs to the set.
      const negated = /[!^]/.test(glob.charAt(at + 1));
      const from = at + (negated ? 2 : 1);
      const to = glob.indexOf("]", from + 1);
      if (to < 0) {
        throw new Failure(
          "glob",
          `Cannot understand the glob "${glob}": close the bracket with "]"`,
        );
      }
      steps.push(set(glob.slice(from, to), negated));
      at = to;
    } else {
      steps.push(glob.charCodeAt(at));
    }
  }
  return steps;
}

/** The inside of a pair of brackets: characters and ranges. */
function set(members: string, negated: boolean): Single {
  const ranges: [number, number][] = [];
  for (let at = 0; at < members.length; at++) {
    const first = members.charCodeAt(at);
    if (members.charAt(at + 1) === "-" && at + 2 < members.length) {
      ranges.push([first, members.charCodeAt(at + 2)]);
      at += 2;
    } else {
      ranges.push([first, first]);
    }
  }
  return (code) => ranges.some(([from, to]) => from <= code && code <= to) !== negated;
}

/** On a mismatch the last star takes one character more; earlier stars never need another try. */
function matches(steps: readonly Step[], name: string): boolean {
  let step = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < name.length) {
    const current = steps[step];
    if (current === null) {
      star = step++;
      starAt = at;
    } else if (current !== undefined && fits(current, name.charCodeAt(at))) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (steps[step] === null) step++;
  return step === steps.length;
}

function fits(single: Single, code: number): boolean {
  return typeof single === "number" ? single === code : single(code);
}
