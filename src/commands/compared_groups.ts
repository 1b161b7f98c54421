/**
 * The part of `vrft diff` that is the same of a trace and of a recording.
 *
 * @module
 */

import type { DiffOptions } from "../cli/invocation.ts";
import type { LineWriter } from "../output/line_writer.ts";
import { ComparingView } from "../output/packets/comparison.ts";
import { diffText } from "../output/packets/diff.ts";
import { diffJson } from "../output/packets/json.ts";
import { compileFilters, type PacketFilter } from "../packet/expression.ts";
import { TwoGroups } from "../packet/two_groups.ts";

/** Exit statuses of a comparison, as of diff(1). */
const SAME = 0;
const DIFFERENT = 1;
const TROUBLE = 2;

/** Two groups of packets, and how they compare. */
export class ComparedGroups implements Disposable {
  /** What packets of either group match. */
  readonly filter: PacketFilter;
  readonly #groups: TwoGroups;
  readonly #options: DiffOptions;
  #view: ComparingView | null = null;

  private constructor(options: DiffOptions, groups: TwoGroups, filter: PacketFilter) {
    this.#options = options;
    this.#groups = groups;
    this.filter = filter;
  }

  /** @throws {Failure} if an expression is wrong */
  static async open(options: DiffOptions): Promise<ComparedGroups> {
    using resources = new DisposableStack();
    const groups = resources.use(await TwoGroups.open(options.expressions));
    const filters = await compileFilters({ ...options.filters, any: null });
    resources.move();
    const filter = { outer: null, inner: null, ...filters, any: groups.filter };
    return new ComparedGroups(options, groups, filter);
  }

  /** What compares them, and writes that at the end. */
  readonly view = (writer: LineWriter): ComparingView => {
    const { expressions, json, limit } = this.#options;
    return this.#view = new ComparingView(
      expressions,
      ({ bytes, length }) => this.#groups.groupOf(bytes, length),
      (found) => writer.text(json ? diffJson(found) : diffText(found)),
      limit,
    );
  };

  /** Exit status. @param status that of the trace or the recording: not 0 if something was wrong */
  status(status: number): number {
    if (status !== 0) return TROUBLE;
    return this.#view?.isSame ? SAME : DIFFERENT;
  }

  [Symbol.dispose](): void {
    this.#groups[Symbol.dispose]();
  }
}
