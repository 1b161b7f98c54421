/**
 * A page of the traces of a real vrouter, played again and again, with the decisions of its packets.
 *
 * @module
 */

import * as at from "../../src/probe/decision_record.ts";
import { NEXTHOP } from "../../src/probe/packet_record.ts";
import { HTML } from "../../src/output/html.ts";
import type { JourneySources } from "../../src/trace/journeys.ts";
import { key, nexthop } from "./decision_records.ts";
import { ORIGIN, writtenBy } from "./exports.ts";
import {
  FUNCTIONS,
  NETNS,
  Scene,
  type SceneEvent,
  type ScenePacket,
  SOURCES,
  VIF_TYPE,
  VIFS,
} from "./journey_scene.ts";
import { readVrouterTrace } from "./vrouter_traces.ts";
import * as make from "./packets.ts";
import type { Random } from "./random.ts";

/** A device whose name is meant for a browser. */
export const HOSTILE = "</script><img src=x onerror=document.title='hit'>";

const MAC = [2, 0, 0, 0, 0, 2];
const TAP1 = 21;
/** Nanoseconds between packets, on average. */
const GAP = 400_000;

type Fields = Readonly<Record<number, number>>;

/** What happens to the packets of one trace. */
interface Part {
  readonly trace: string;
  /** How many of twenty packets it is. */
  readonly share: number;
  readonly drop?: { readonly at: string; readonly reason: number; readonly nexthop?: number };
  readonly events: Readonly<Record<string, SceneEvent>>;
}

/** What a page was made of. */
export interface PageScene {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly packets: number;
  readonly calls: number;
  /** By reason. */
  readonly drops: ReadonlyMap<number, number>;
}

/** What a page has. */
export interface PageSceneOptions {
  readonly packets: number;
  /** Whether a device has a name that a browser might run. */
  readonly hostile?: boolean;
  /** What is said to be missing. */
  readonly missing?: readonly string[];
}

/** Makes a page. */
export async function pageScene(random: Random, options: PageSceneOptions): Promise<PageScene> {
  const { packets, hostile = false, missing = [] } = options;
  const drops = new Map<number, number>();
  let calls = 0;
  const vifs = VIFS.map((vif) => hostile && vif.index === 12 ? { ...vif, device: HOSTILE } : vif);
  const journeys: JourneySources = { ...SOURCES, vifs: () => vifs };
  const context = {
    functions: FUNCTIONS,
    journeys,
    origin: { ...ORIGIN, drop: SOURCES.drop },
    missing: () => missing,
  };
  const bytes = await writtenBy(HTML, context, (tree) => {
    const scene = new Scene({}, tree);
    let time = 1_000_000;
    for (let number = 0; number < packets; number++) {
      const part = pick(random);
      const packet = { slot: 1 + number % 60_000, generation: 1 + Math.floor(number / 60_000) };
      scene.play(part.trace, {
        at: time,
        task: random.pick([0, 0, 812, 901]),
        packet: () => packet,
        events: eventsOf(part, headerOf(random), packet),
      });
      if (part.drop !== undefined) {
        drops.set(part.drop.reason, (drops.get(part.drop.reason) ?? 0) + 1);
      }
      const steps = readVrouterTrace(part.trace);
      calls += steps.length / 2;
      time += Math.max(...steps.map(({ call }) => call.end)) + random.int(2 * GAP);
    }
  });
  return { bytes, packets, calls, drops };
}

const decided = (kind: number, ...fields: Fields[]): SceneEvent => (scene, place) =>
  void scene.decide(place, kind, Object.assign({}, ...fields));

const all = (...events: SceneEvent[]): SceneEvent => (scene, place) => {
  for (const event of events) event(scene, place);
};

const given = (index: number, type: keyof typeof VIF_TYPE): SceneEvent =>
  decided(at.DECIDED_VIF, {
    [at.VIF_INDEX]: index,
    [at.VIF_TYPE]: VIF_TYPE[type],
    [at.VIF_TO_HOST]: 0,
  });

const VRF = { [at.DECISION_VRF]: 1 };
const TO_TAP2 = all(
  decided(at.DECIDED_BRIDGE, VRF, key(MAC), nexthop(12, "Encap")),
  decided(at.DECIDED_NEXTHOP, VRF, nexthop(12, "Encap", { vif: 12, flags: 3 })),
);
const TO_TUNNEL = all(
  decided(at.DECIDED_BRIDGE, VRF, key(MAC), nexthop(50, "Tunnel"), {
    [at.ROUTE_LABEL]: 5001,
    [at.ROUTE_LABEL_FLAGS]: 3,
  }),
  decided(
    at.DECIDED_NEXTHOP,
    VRF,
    nexthop(50, "Tunnel", { source: "172.16.0.1", destination: "172.16.0.2", flags: 0x81 }),
  ),
);

const PARTS: readonly Part[] = [
  {
    trace: "l2_request",
    share: 7,
    events: { "enter nh_output": TO_TAP2, "enter linux_if_tx": given(12, "virtual") },
  },
  {
    trace: "vxlan_out",
    share: 6,
    events: { "enter nh_output": TO_TUNNEL, "enter linux_if_tx": given(0, "physical") },
  },
  {
    trace: "flow_forward",
    share: 3,
    events: { "enter nh_output": TO_TAP2, "enter linux_if_tx": given(12, "virtual") },
  },
  {
    trace: "drop_no_route",
    share: 1,
    drop: { at: "enter lh_pfree", reason: 1, nexthop: 0 },
    events: {},
  },
  { trace: "drop_flow_action", share: 2, drop: { at: "enter lh_pfree", reason: 11 }, events: {} },
  { trace: "drop_unknown_mac", share: 1, drop: { at: "enter lh_pfree", reason: 39 }, events: {} },
];

const SHARES = PARTS.flatMap((part) => new Array<Part>(part.share).fill(part));

function pick(random: Random): Part {
  return random.pick(SHARES);
}

function eventsOf(
  part: Part,
  header: Uint8Array<ArrayBuffer>,
  packet: ScenePacket,
): Part["events"] {
  const first = readVrouterTrace(part.trace)[0]!.call.fn;
  const seen: SceneEvent = (scene, place) => void scene.see(place, TAP1, header);
  const events = { ...part.events, [`before ${first}`]: seen };
  if (part.drop === undefined) return events;
  const { drop } = part;
  const dropped: SceneEvent = (scene, place) => {
    const where = { netns: NETNS, ifindex: TAP1, vif: 11, vrf: 1 };
    const words: Record<number, number> = drop.nexthop === undefined
      ? {}
      : { [NEXTHOP]: drop.nexthop };
    scene.drop(place, { reason: drop.reason, ...where, length: 98, bytes: header, words });
    scene.end({ ...packet, time: place.time ?? 0, task: place.task ?? 0 });
  };
  return { ...events, [drop.at]: dropped };
}

function headerOf(random: Random): Uint8Array<ArrayBuffer> {
  const [one, other] = [random.int(9) + 1, random.int(9) + 1];
  const protocol = random.int(3);
  const [from, to] = [[10, 1, 1, one], [10, 1, 1, other]];
  const payload = protocol === 0
    ? make.icmp(8, 0, [0, 7, 0, 1])
    : protocol === 1
    ? make.tcp(40_000 + random.int(200), 443, 2)
    : make.udp(30_000 + random.int(200), 53, []);
  const number = [1, 6, 17][protocol]!;
  return Uint8Array.from(make.ethernet(0x0800, make.ipv4(number, from, to, payload)));
}
