/**
 * Globs for function names: `*`, `?` and `[a-z]`, `[!a-z]`.
 *
 * Matched by hand rather than by a regular expression, so that the work per name is bounded by the
 * product of the two lengths for any glob.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";

/** Matches one character: a code unit, or any of a set. */
type Single = number | ((code: number) => boolean);

/** A parsed glob; `null` is `*`. */
type Step = Single | null;

/**
 * A test for names by globs; each must match the whole name.
 *
 * @returns a test whether any of `globs` matches a name; false if there are none
 * @throws {Failure} if a bracket is not closed
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
      // A closing bracket in first place belongs to the set.
      const negated = /[!^]/.test(glob.charAt(at + 1));
      const from = at + (negated ? 2 : 1);
      const to = glob.indexOf("]", from + 1);
      if (to < 0) {
        throw new Failure(
          "glob",
          `Invalid glob "${glob}": close the bracket with "]"`,
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

/** The contents of brackets: characters and ranges. */
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

/** On a mismatch, the last star takes one more character; earlier stars never need another try. */
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
