/**
 * Plays traces of a real vrouter module to `Journeys`, by records as the BPF programs write them.
 *
 * @module
 */

import { PACKET_FUNCTIONS } from "../../src/probe/packet_functions.ts";
import { NO_RETURN } from "../../src/probe/record.ts";
import { BOUNDARIES } from "../../src/trace/stages.ts";
import { DropMaker } from "../../src/trace/drops.ts";
import type { Journey } from "../../src/trace/journey.ts";
import {
  Journeys,
  type JourneysOptions,
  type JourneySources,
  type JourneyVif,
} from "../../src/trace/journeys.ts";
import { packetId } from "../../src/trace/packets.ts";
import { CallTree } from "../../src/trace/tree.ts";
import type { DropReason } from "../../src/trace/drop.ts";
import { feed } from "./call_records.ts";
import { DECISION_WORDS, type DecisionFields, decisionRecord } from "./decision_records.ts";
import {
  copyRecord,
  type DropFields,
  dropRecord,
  endRecord,
  feedWords,
  type PacketPlace,
  packetRecord,
} from "./packet_records.ts";
import { readVrouterTrace, type TraceCall, vrouterTraces } from "./vrouter_traces.ts";

/** Inode number of the namespace of the vifs' devices. */
export const NETNS = 40;

/** Those of the traces' network. */
export const VIFS: readonly JourneyVif[] = [
  { index: 0, device: "fab0", ifindex: 10, vrf: 0, type: "physical" },
  { index: 1, device: "vhost0", ifindex: 11, vrf: 0, type: "host" },
  { index: 2, device: "pkt0", ifindex: 12, vrf: 65535, type: "agent" },
  { index: 11, device: "tap1", ifindex: 21, vrf: 1, type: "virtual" },
  { index: 12, device: "tap2", ifindex: 22, vrf: 1, type: "virtual" },
  { index: 13, device: "tap3", ifindex: 23, vrf: 1, type: "virtual" },
];

/** VIF_TYPE_* of {@linkcode VIFS}. */
export const VIF_TYPE = { host: 0, agent: 1, physical: 2, virtual: 3 } as const;

/** Reasons of the module, by number. */
export const REASONS: Readonly<Record<number, DropReason>> = Object.fromEntries(
  ([
    [1, "DISCARD", "Discards", "lost"],
    [7, "FLOW_QUEUE_LIMIT_EXCEEDED", "Flow Queue Limit Exceeded", "lost"],
    [11, "FLOW_ACTION_DROP", "Flow Action Drop", "policy"],
    [17, "DUPLICATED", "Duplicate", "housekeeping"],
    [21, "INVALID_LABEL", "Invalid Label", "lost"],
    [35, "CLONED_ORIGINAL", "Cloned Original", "housekeeping"],
    [36, "INVALID_VNID", "Invalid VNID", "lost"],
    [39, "L2_NO_ROUTE", "No L2 Route", "lost"],
    [44, "FLOW_EVICT", "Flow Unusable (Eviction)", "lost"],
  ] as const).map(([number, name, label, kind]) => [
    number,
    { number, name: `VP_DROP_${name}`, label, class: kind },
  ]),
);

const DROPS = new DropMaker({
  words: {
    vrouterReason: (number) =>
      REASONS[number] ?? { number, name: `${number}`, label: `${number}`, class: "unknown" },
    kernelReason: (number) => ({ number, name: `${number}`, label: `${number}`, class: "lost" }),
    cause: () => null,
    flowAction: DECISION_WORDS.flowAction,
    nexthopType: DECISION_WORDS.nexthopType,
  },
  offsets: {},
  vifs: () => VIFS,
  vrouterNetns: NETNS,
  device: () => null,
  kallsyms: () => new Uint8Array(),
});

/** All functions of the traces, and those between stages. */
export const FUNCTIONS: readonly string[] = [
  ...new Set([
    ...vrouterTraces().flatMap((name) => readVrouterTrace(name).map(({ call }) => call.fn)),
    ...Object.keys(BOUNDARIES),
  ]),
];

/** A packet of a scene. */
export interface ScenePacket {
  readonly slot: number;
  readonly generation: number;
}

/** Something that happens in a trace, when a call has started or is about to end. */
export type SceneEvent = (scene: Scene, place: PacketPlace) => void;

/** How to play a trace. */
export interface PlayOptions {
  /** Nanoseconds of its first call; what was played before ended earlier. */
  readonly at?: number;
  /** Whose call it is; that of packet 1 by default. */
  readonly packet?: (call: TraceCall) => ScenePacket;
  /**
   * By `before FUNCTION`, `enter FUNCTION` or `leave FUNCTION`, with ` N` behind it for another call than
   * the first: what happens at that.
   */
  readonly events?: Readonly<Record<string, SceneEvent>>;
  /** Whether only the functions are traced that tell the way of packets, and few of their returns. */
  readonly small?: boolean;
  /** Thread id; 0 by default. */
  readonly task?: number;
}

/** What is known where the traces were taken. */
export const SOURCES: JourneySources = {
  words: DECISION_WORDS,
  vifs: () => VIFS,
  vrouterNetns: NETNS,
  device: (netns, ifindex) => netns === NETNS ? `dev${ifindex}` : null,
  drop: (record) => DROPS.drop(record),
};

/** The packet of most scenes. */
export const PACKET: ScenePacket = { slot: 1, generation: 1 };

/** Plays traces, and keeps the journeys that are told. */
export class Scene {
  readonly journeys: Journey[] = [];
  readonly view: Journeys;
  readonly tree: CallTree;
  #time = 0;

  /** @param tree gets the records instead of a tree that tells the journeys */
  constructor(options: JourneysOptions = {}, tree?: CallTree) {
    this.view = new Journeys(
      FUNCTIONS,
      SOURCES,
      (journey) => this.journeys.push(journey),
      options,
    );
    this.tree = tree ?? new CallTree(this.view, FUNCTIONS.length);
  }

  /** Plays a trace. */
  play(name: string, options: PlayOptions = {}): this {
    const { at = 0, packet = () => PACKET, events = {}, small = false, task = 0 } = options;
    for (const { call, kind } of readVrouterTrace(name)) {
      const { slot, generation } = packet(call);
      const fn = FUNCTIONS.indexOf(call.fn);
      const time = at + (kind === "enter" ? call.begin : call.end);
      this.#time = time;
      const record = {
        kind: kind === "enter" ? "entry" : "return",
        task,
        cpu: 0,
        // Not on a region's edge, and lower the deeper the call.
        frame: 0x7fff_3ff0 - 64 * call.depth,
        fn,
        time: BigInt(time),
        slot,
        generation,
      } as const;
      const name = `${call.fn}${call.nth === 1 ? "" : ` ${call.nth}`}`;
      const happens = events[`${kind} ${name}`];
      const place = { slot, generation, time, task };
      const probe = PACKET_FUNCTIONS.find((one) => one.name === call.fn);
      const isTraced = !small || (probe !== undefined && (kind === "enter" || probe.returns));
      if (kind === "leave") happens?.(this, place);
      else events[`before ${name}`]?.(this, place);
      const hasReturn = !small || probe?.returns;
      if (isTraced) feed(this.tree, hasReturn ? record : { ...record, fn: fn | NO_RETURN });
      if (kind === "enter") happens?.(this, place);
    }
    return this;
  }

  /** A packet is seen. */
  see(place: PacketPlace, ifindex: number, header = ECHO): this {
    feedWords(this.tree, packetRecord(place, { length: 98, netns: NETNS, ifindex, header }));
    return this;
  }

  copy(place: PacketPlace, of: ScenePacket): this {
    feedWords(this.tree, copyRecord(place, of));
    return this;
  }

  drop(place: PacketPlace, fields: DropFields): this {
    feedWords(this.tree, dropRecord(place, fields));
    return this;
  }

  end(place: PacketPlace): this {
    feedWords(this.tree, endRecord(place));
    return this;
  }

  decide(place: PacketPlace, kind: number, fields: DecisionFields): this {
    feedWords(this.tree, decisionRecord(place, kind, fields));
    return this;
  }

  /** The trace ends. */
  finish(): this {
    this.tree.finish();
    this.view.finish();
    return this;
  }

  /** The only journey. */
  get only(): Journey {
    if (this.journeys.length !== 1) throw new Error(`${this.journeys.length} journeys`);
    return this.journeys[0]!;
  }

  /** Time of the latest event. */
  get time(): number {
    return this.#time;
  }
}

/** Stages as text: `rx 10, flow 20`. */
export function stagesOf({ stages }: Journey): string {
  return stages.map(({ name, duration }) => `${name} ${duration}`).join(", ");
}

/** An ICMP echo request from 10.1.1.1 to 10.1.1.2, whose MAC addresses end alike. */
export const ECHO = Uint8Array.from([
  ...[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0],
  ...[0x45, 0, 0, 84, 0, 0, 0x40, 0, 64, 1, 0, 0, 10, 1, 1, 1, 10, 1, 1, 2],
  ...[8, 0, 0, 0, 0, 1, 0, 1],
]);

/** The id that a packet has in journeys. */
export function idOf({ slot, generation }: ScenePacket): number {
  return packetId(slot, generation);
}
