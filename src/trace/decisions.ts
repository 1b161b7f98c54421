/**
 * Records of what vrouter has decided about a packet, in words.
 *
 * @module
 */

import { ipv4At, ipv6At, macAt } from "../packet/addresses.ts";
import { protocolWord } from "../packet/describe.ts";
import { PROTOCOL } from "../packet/headers.ts";
import * as at from "../probe/decision_record.ts";
import { UNKNOWN } from "../probe/layout.ts";
import type { FlowActionFields } from "../vrouter/flow_words.ts";
import { vifType } from "../vrouter/interfaces.ts";
import type { Nexthop as ListedNexthop } from "../vrouter/nexthops.ts";
import type { DropVif } from "./drop.ts";
import type { Decision, Nexthop } from "./journey.ts";

/** The words for what records have as numbers. */
export interface DecisionWords {
  /** As `nh` prints it: `Tunnel`. */
  nexthopType(type: number): string;
  /** As `nh` prints them: `MPLSoUDP`, `Policy`. */
  nexthopFlags(type: number, flags: number): readonly string[];
  /** As `flow` prints it: `D(SG)`. */
  flowAction(fields: FlowActionFields): string;
  /** Of the module's `flow_result_t`: `FLOW_HELD`. */
  flowResult(result: number): string;
  /** `FLOW_MISS`. */
  trapReason(reason: number): string;
}

/** A vif by its index. */
export type VifOf = (index: number) => DropVif;

/** A nexthop by its id, as the module has listed it last; `undefined` if it has not. */
export type NexthopOf = (id: number) => ListedNexthop | undefined;

/** A decision, with what only the next one may show. */
export interface ReadDecision {
  readonly decision: Decision;
  /** VRF of the lookup, or that of the packet from here on; `null` if unknown. */
  readonly vrf: number | null;
  /** Nexthop: member of the ECMP nexthop before; `null` if there is none. */
  readonly member: number | null;
}

/** Vif that a packet is given to. */
export interface ChosenVif {
  readonly index: number;
  /** As `listVifs()` names it: `physical`, `virtual`; `null` if unknown. */
  readonly type: string | null;
  /** Whether the host's stack gets it. */
  readonly toHost: boolean;
}

const LABEL_VALID = { bridge: 0x2, route: 0x1 } as const;
/** `vif_vrf` of a vif without VRF. */
const NO_VRF = 0xffff;
/** Of a VNI. */
const MAX_LABEL = 0xffffff;

const INVALID_SOURCE = 0;
const MOVED_SOURCE = 2;

/** Reads the records of a trace. */
export class DecisionReader {
  readonly #words: DecisionWords;
  readonly #vif: VifOf;
  readonly #listed: NexthopOf;

  /** @param listed completes what records do not have; it may be older or newer than they are */
  constructor(words: DecisionWords, vif: VifOf, listed: NexthopOf = () => undefined) {
    this.#words = words;
    this.#vif = vif;
    this.#listed = listed;
  }

  /**
   * A decision by its record; `null` if it is none to show: nothing too big, no flow, a vif, or a kind
   * that is not known.
   */
  read(record: Uint32Array): ReadDecision | null {
    switch (record[at.DECISION]) {
      case at.DECIDED_BRIDGE:
        return told(this.#bridge(record), known(record[at.DECISION_VRF]!));
      case at.DECIDED_PREFIX: {
        const route = this.#route(record);
        return route && told(route, known(record[at.DECISION_VRF]!));
      }
      case at.DECIDED_NEXTHOP:
        return this.#passed(record);
      case at.DECIDED_SOURCE:
        return this.#source(record);
      case at.DECIDED_FLOW:
        return this.#flow(record);
      case at.DECIDED_NAT:
        return told(this.#nat(record), null);
      case at.DECIDED_TRAP:
        return told({
          type: "trap",
          vrf: vrfOf(record[at.DECISION_VRF]! & NO_VRF),
          reason: this.#words.trapReason(record[at.TRAP_REASON]! & 0xffff),
        }, null);
      case at.DECIDED_FRAGMENT:
        if ((record[at.FRAGMENT_RESULT]! & 0xff) === 0) return null;
        return told({ type: "mtu", mtu: known(record[at.FRAGMENT_MTU]!), tooBig: true }, null);
      default:
        return null;
    }
  }

  /** The vif that the packet is given to, if that is what the record says. */
  chosenVif(record: Uint32Array): ChosenVif | null {
    if (record[at.DECISION] !== at.DECIDED_VIF) return null;
    const index = known(record[at.VIF_INDEX]!);
    if (index === null) return null;
    const type = known(record[at.VIF_TYPE]!);
    return {
      index,
      type: type === null ? null : vifType(type),
      toHost: record[at.VIF_TO_HOST] === 1,
    };
  }

  #bridge(record: Uint32Array): Decision {
    return {
      type: "bridge",
      vrf: vrfOf(known(record[at.DECISION_VRF]!)),
      key: macAt(bytesOf(record, at.LOOKUP_KEY), 0),
      prefix: null,
      nexthop: this.#nexthop(record),
      label: routeLabel(record, LABEL_VALID.bridge),
    };
  }

  #route(record: Uint32Array): Decision | null {
    const family = known(record[at.PREFIX_FAMILY]!);
    const address = family === AF_INET ? ipv4At : family === AF_INET6 ? ipv6At : null;
    if (address === null) return null;
    const bits = family === AF_INET ? 32 : 128;
    const length = known(record[at.PREFIX_LENGTH]!);
    const key = bytesOf(record, at.LOOKUP_KEY);
    return {
      type: "route",
      vrf: vrfOf(known(record[at.DECISION_VRF]!)),
      key: address(key, 0),
      prefix: length === null || length > bits
        ? null
        : `${address(masked(key, length), 0)}/${length}`,
      nexthop: this.#nexthop(record),
      label: routeLabel(record, LABEL_VALID.route),
    };
  }

  #passed(record: Uint32Array): ReadDecision | null {
    const nexthop = this.#nexthop(record);
    if (nexthop === null) return null;
    const label = known(record[at.ROUTE_LABEL]!);
    return {
      decision: {
        type: "nexthop",
        nexthop,
        label: label === null || label > MAX_LABEL ? null : label,
      },
      vrf: vrfOf(known(record[at.DECISION_VRF]!)),
      member: known(record[at.ECMP_MEMBER]!),
    };
  }

  #source(record: Uint32Array): ReadDecision | null {
    const expected = this.#nexthop(record);
    const result = record[at.SOURCE_RESULT]!;
    if (expected === null || result === UNKNOWN) return null;
    return told({
      type: "rpf",
      result: result === INVALID_SOURCE ? "failed" : result === MOVED_SOURCE ? "moved" : "ok",
      expected,
      vif: known(record[at.SOURCE_VIF]!),
      outerSource: address4(record, at.OUTER_SOURCE),
    }, null);
  }

  #flow(record: Uint32Array): ReadDecision | null {
    const index = record[at.FLOW_INDEX]!;
    if (index === UNKNOWN) return null;
    const result = known(record[at.FLOW_RESULT]!);
    return told({
      type: "flow",
      index,
      reverse: known(record[at.FLOW_REVERSE]!),
      action: this.#words.flowAction({
        action: known(record[at.FLOW_ACTION]!),
        dropReason: known(record[at.FLOW_REASON]!),
        flags: known(record[at.FLOW_FLAGS]!),
      }),
      result: result === null ? null : this.#words.flowResult(result),
    }, null);
  }

  #nat(record: Uint32Array): Decision {
    const words = tupleWords(record);
    const isAfter = record[at.NAT_IS_AFTER] === 1;
    return { type: "nat", before: isAfter ? null : words, after: isAfter ? words : null };
  }

  #nexthop(record: Uint32Array): Nexthop | null {
    const id = record[at.NEXTHOP_ID]!;
    if (id === UNKNOWN) return null;
    const recorded = known(record[at.NEXTHOP_TYPE]!);
    const found = this.#listed(id);
    // Otherwise it has become another one since.
    const listed = recorded === null || found?.type === recorded ? found : undefined;
    const type = recorded ?? listed?.type ?? null;
    const flags = known(record[at.NEXTHOP_FLAGS]!) ?? listed?.flags ?? null;
    const vif = known(record[at.NEXTHOP_VIF]!) ?? listed?.oif ?? null;
    const name = type === null ? "" : this.#words.nexthopType(type);
    const isTunnel = name === "Tunnel";
    const { source, destination } = listed?.tunnel ?? NO_ENDS;
    return {
      id,
      type: name,
      flags: type === null || flags === null ? [] : this.#words.nexthopFlags(type, flags),
      vif: vif === null ? null : this.#vif(vif),
      source: isTunnel ? tunnelEnd(record, at.NEXTHOP_SOURCE, source) : null,
      destination: isTunnel ? tunnelEnd(record, at.NEXTHOP_DESTINATION, destination) : null,
    };
  }
}

const NO_ENDS = { source: null, destination: null } as const;

const AF_INET = 2;
const AF_INET6 = 10;

function told(decision: Decision, vrf: number | null): ReadDecision {
  return { decision, vrf: vrfOf(vrf), member: null };
}

function known(word: number): number | null {
  return word === UNKNOWN ? null : word;
}

function vrfOf(vrf: number | null): number | null {
  return vrf === NO_VRF ? null : vrf;
}

/** Label or VNI of a lookup's result, if its flags say that there is one. */
function routeLabel(record: Uint32Array, valid: number): number | null {
  const bits = known(record[at.ROUTE_LABEL_FLAGS]!);
  return bits === null || (bits & valid) === 0 ? null : known(record[at.ROUTE_LABEL]!);
}

/** The address of a lookup: 6 bytes of a bridge table, 4 or 16 of a routing table. */
export function keyOf(record: Uint32Array): Uint8Array {
  const isBridge = record[at.DECISION] === at.DECIDED_BRIDGE;
  const bytes = isBridge ? 6 : record[at.PREFIX_FAMILY] === AF_INET ? 4 : 16;
  return new Uint8Array(record.buffer, record.byteOffset + 4 * at.LOOKUP_KEY, bytes);
}

/** 16 bytes of a record, of its own copy. */
function bytesOf(record: Uint32Array, word: number): DataView {
  return new DataView(record.slice(word, word + 4).buffer);
}

/** An IPv4 address in a word; `null` if it is unknown, or there is none. */
function address4(record: Uint32Array, word: number): string | null {
  const value = record[word]!;
  return value === UNKNOWN || value === 0 ? null : ipv4At(bytesOf(record, word), 0);
}

/** An end of a tunnel, which a record has if that is an IPv4 address. */
function tunnelEnd(record: Uint32Array, word: number, listed: Uint8Array | null): string | null {
  const view = listed && new DataView(listed.buffer, listed.byteOffset, listed.byteLength);
  if (view?.byteLength === 16) return ipv6At(view, 0);
  return address4(record, word) ?? (view && view.getUint32(0) !== 0 ? ipv4At(view, 0) : null);
}

/** An address with the bits behind a prefix cleared. */
function masked(address: DataView, length: number): DataView {
  const bytes = new Uint8Array(address.byteLength);
  for (let index = 0; index < bytes.length; index++) {
    const bits = Math.min(8, Math.max(0, length - 8 * index));
    bytes[index] = address.getUint8(index) & (0xff00 >> bits);
  }
  return new DataView(bytes.buffer);
}

/** Protocols whose ports are recorded. */
const WITH_PORTS: ReadonlySet<number> = new Set([PROTOCOL.TCP, PROTOCOL.UDP]);

/** `10.1.1.5:40112 > 10.2.0.9:443 tcp`; `null` if it is neither IPv4 nor IPv6. */
function tupleWords(record: Uint32Array): string | null {
  const version = record[at.NAT_VERSION]!;
  if (version !== 4 && version !== 6) return null;
  const protocol = record[at.NAT_PROTOCOL]! & 0xff;
  const ports = bytesOf(record, at.NAT_PORTS);
  const end = (word: number, port: number): string => {
    const bytes = bytesOf(record, word);
    const address = version === 4 ? ipv4At(bytes, 0) : ipv6At(bytes, 0);
    if (!WITH_PORTS.has(protocol)) return address;
    return `${version === 4 ? address : `[${address}]`}:${ports.getUint16(port)}`;
  };
  return `${end(at.NAT_FROM, 0)} > ${end(at.NAT_TO, 2)} ${protocolWord(protocol)}`;
}
