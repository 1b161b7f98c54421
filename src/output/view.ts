/**
 * What a format of the trace implements: a view that writes. `views.ts` has the list of them.
 *
 * @module
 */

import type { ShowItem } from "../cli/invocation.ts";
import type { ResultType } from "../kernel/result_type.ts";
import { decisionWords } from "../trace/decision_words.ts";
import type { Drop } from "../trace/drop.ts";
import type { View } from "../trace/events.ts";
import type { JourneySources } from "../trace/journeys.ts";
import type { PacketTable } from "../trace/packets.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import type { LineWriter } from "./line_writer.ts";
import type { Spool } from "./spool.ts";

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

/** What the trace was taken from: the kernel that runs, or what a recording says of its own. */
export interface Origin {
  readonly host: string;
  /** Release of the kernel. */
  readonly kernel: string;
  /** What took it: `vrft 0.1.0`. */
  readonly program: string;
  /** Nanoseconds that CLOCK_REALTIME is ahead of CLOCK_MONOTONIC. */
  readonly wallOffset: bigint;
  /** Name of a thread; `null` if unknown. Not asked for idle tasks. */
  task(thread: number): string | null;
  /** Name of a device; `null` if unknown. */
  device(netns: number, ifindex: number): string | null;
  /** Index of the vif of a device; `null` if it has none. */
  vif(netns: number, ifindex: number): number | null;
  /** What a record of a dropped packet says; `null` if it is damaged, or nothing is known of reasons. */
  drop(record: Uint32Array): Drop | null;
}

/** Where nothing is known. */
export const UNKNOWN_ORIGIN: Origin = {
  host: "",
  kernel: "",
  program: "vrft",
  wallOffset: 0n,
  task: () => null,
  device: () => null,
  vif: () => null,
  drop: () => null,
};

/** Which sightings of packets a format of packets has. */
export interface Sightings {
  /**
   * `all`: where a packet was first seen, and where it was dropped; `first`, `drop`: either. `last`: where it
   * ended, or was when the trace did. `functions`: each call of {@linkcode functions}.
   */
  readonly at: "all" | "first" | "last" | "drop" | "functions";
  /** Names. */
  readonly functions: readonly string[];
  /** Whether all have the same link-layer header, a made-up one, as some readers insist on one for all. */
  readonly cooked: boolean;
}

/** What a format is opened for. */
export interface TraceContext {
  /** Names, by the indexes used in steps. */
  readonly functions: readonly string[];
  /** The packets of the trace so far, by the handles used in steps. */
  readonly packets: PacketTable;
  /** Reasons for which vrouter drops packets, in words by their number; by default the number. */
  readonly reasons?: ((number: number) => string) | undefined;
  /** Likewise those of the kernel; empty on kernels without reasons. */
  readonly kernelReasons?: ((number: number) => string) | undefined;
  /** What is shown of calls besides their names; nothing by default. */
  readonly shown?: Shown | undefined;
  /** By default {@linkcode UNKNOWN_ORIGIN}. */
  readonly origin?: Origin | undefined;
  /** By default all. */
  readonly sightings?: Sightings | undefined;
  /** Whether packets have their calls, where a format can leave them out; `false` by default. */
  readonly calls?: boolean | undefined;
  /** What the journeys of packets are told by; by default as little as {@linkcode origin} knows. */
  readonly journeys?: JourneySources | undefined;
  /** What of the trace is missing, once it has ended: `12 events lost`. Nothing is known of it by default. */
  readonly missing?: (() => readonly string[]) | undefined;
  /** Makes room for what cannot be written before the end; in memory by default. */
  readonly spool?: (() => Spool) | undefined;
}

/** What of the trace is missing, as far as that is known when it is written: empty if nothing. */
export function missingText({ missing }: Pick<TraceContext, "missing">): string {
  return missing?.().join(", ") ?? "";
}

/** A view that writes what it is told. */
export interface OutputView extends View {
  /**
   * Records were lost since the last call, or since the start.
   *
   * @param ahead maximum number of records to come that may precede the loss
   */
  lost?(ahead: number): void;
  /**
   * Writes what stands in front of the first event.
   *
   * @returns the number of its lines
   * @throws as `LineWriter.flush()`, like the other methods
   */
  begin(): number;
  /**
   * Writes what stands behind the last event, once. Stops after each part, so that its owner may wait for
   * the writer.
   */
  end?(): Iterable<void> | AsyncIterable<void>;
}

/** A format of the trace. */
export interface Format {
  /** Whether it shows events of packets, which the kernel only records if asked to. */
  readonly packets: boolean;
  /** Whether it shows why vrouter drops packets, likewise. */
  readonly drops: boolean;
  /** Whether it shows also those that the kernel drops, likewise; `false` by default. */
  readonly kernelDrops?: boolean;
  /** Whether it shows what vrouter looks up and decides, likewise; `false` by default. */
  readonly decisions?: boolean;
  /** Whether it needs to be told how long calls take; `false` by default. */
  readonly durations?: boolean;
  /** Whether it is no text: nothing for a terminal, and lines mean nothing in it. `false` by default. */
  readonly isBinary?: boolean;
  /**
   * Opens a view.
   *
   * @param writer receives the output; its owner flushes it
   */
  open(writer: LineWriter, context: TraceContext): OutputView;
}

/** What can be told of journeys without the module's words. */
export function journeySourcesOf({ device, drop }: Origin): JourneySources {
  return {
    words: decisionWords({ enumNames: () => undefined }),
    vifs: () => [],
    vrouterNetns: 0,
    device,
    drop,
  };
}
