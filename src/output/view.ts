/**
 * What a format of the trace implements: a view that writes. `views.ts` has the list of them.
 *
 * @module
 */

import type { ShowItem } from "../cli/invocation.ts";
import type { ResultType } from "../kernel/result_type.ts";
import type { View } from "../trace/events.ts";
import type { PacketTable } from "../trace/packets.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import type { LineWriter } from "./line_writer.ts";

/** What is shown of calls besides their names, `--show` on the command line. */
export interface Shown {
  readonly items: ReadonlySet<ShowItem>;
  /** Whether the output goes to a terminal that shows colours. */
  readonly colour: boolean;
  /** By function: what it returns; `null` if that is not known. Empty unless results are shown. */
  readonly results: readonly (ResultType | null)[];
  /** By function: whether it is vrouter's. */
  readonly isVrouter: readonly boolean[];
  /** The vifs, in a new list after each change. */
  readonly vifs: () => readonly Pick<Vif, "index" | "name">[];
}

/** A view that writes what it is told. */
export interface OutputView extends View {
  /**
   * Writes what stands in front of the first event.
   *
   * @returns the number of its lines
   * @throws as `LineWriter.flush()`, like the other methods
   */
  begin(): number;
}

/** A format of the trace. */
export interface Format {
  /** Whether it shows events of packets, which the kernel only records if asked to. */
  readonly packets: boolean;
  /** Whether it shows why vrouter drops packets, likewise. */
  readonly drops: boolean;
  /** Whether it shows also those that the kernel drops, likewise; `false` by default. */
  readonly kernelDrops?: boolean;
  /**
   * Opens a view.
   *
   * @param writer receives the output; its owner flushes it
   * @param functions names, by the indexes used in steps
   * @param packets the packets of the trace so far, by the handles used in steps
   * @param reasons for which vrouter drops packets, in words by their number
   * @param shown what is shown of calls besides their names; nothing by default
   * @param kernelReasons likewise those of the kernel; empty on kernels without reasons
   */
  open(
    writer: LineWriter,
    functions: readonly string[],
    packets: PacketTable,
    reasons?: (number: number) => string,
    shown?: Shown,
    kernelReasons?: (number: number) => string,
  ): OutputView;
}
