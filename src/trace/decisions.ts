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

/** Size of a member of one of vrouter's structs; `undefined` if its BTF does not describe it. */
type Place = { readonly bytes: number } | undefined;

/** Members of vrouter's structs that records have; a smaller one than 32 bits is cut to its size. */
export interface DecisionPlaces {
  readonly nh_type?: Place;
  readonly nh_flags?: Place;
  readonly vif_idx?: Place;
  readonly vif_type?: Place;
  readonly rtr_label?: Place;
  readonly rtr_label_flags?: Place;
  readonly rtr_prefix_len?: Place;
  readonly rtr_family?: Place;
  readonly be_label?: Place;
  readonly be_flags?: Place;
  readonly fmd_label?: Place;
  readonly fmd_dvrf?: Place;
  readonly fmd_ecmp_nh_index?: Place;
  readonly fe_action?: Place;
  readonly fe_flags?: Place;
  readonly fe_drop_reason?: Place;
}

/** A vif by its index. */
export type VifOf = (index: number) => DropVif;

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
/** `fmd_label` of no label, and `fmd_dvrf` of no VRF. */
const NO_LABEL = 0xffffffff;
const NO_VRF = 0xffff;
const MAX_LABEL = 0xffffff;

const INVALID_SOURCE = 0;
const MOVED_SOURCE = 2;

/** Reads the records of a trace. */
export class DecisionReader {
  readonly #words: DecisionWords;
  readonly #places: DecisionPlaces;
  readonly #vif: VifOf;

  constructor(words: DecisionWords, places: DecisionPlaces, vif: VifOf) {
    this.#words = words;
    this.#places = places;
    this.#vif = vif;
  }

  /**
   * A decision by its record; `null` if it is none to show: nothing too big, no flow, a vif, or a kind
   * that is not known.
   */
  read(record: Uint32Array): ReadDecision | null {
    switch (record[at.DECISION]) {
      case at.DECIDED_BRIDGE:
        return told(this.#bridge(record), field(record[at.DECISION_VRF]!, this.#places.fmd_dvrf));
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
    const index = field(record[at.VIF_INDEX]!, this.#places.vif_idx);
    if (index === null) return null;
    const type = field(record[at.VIF_TYPE]!, this.#places.vif_type);
    return {
      index,
      type: type === null ? null : vifType(type),
      toHost: record[at.VIF_TO_HOST] === 1,
    };
  }

  #bridge(record: Uint32Array): Decision {
    const { be_label, be_flags } = this.#places;
    return {
      type: "bridge",
      vrf: vrfOf(field(record[at.DECISION_VRF]!, this.#places.fmd_dvrf)),
      key: macAt(bytesOf(record, at.LOOKUP_KEY), 0),
      prefix: null,
      nexthop: this.#nexthop(record),
      label: routeLabel(record, be_label, be_flags, LABEL_VALID.bridge),
    };
  }

  #route(record: Uint32Array): Decision | null {
    const { rtr_family, rtr_prefix_len, rtr_label, rtr_label_flags } = this.#places;
    const family = field(record[at.PREFIX_FAMILY]!, rtr_family);
    const address = family === AF_INET ? ipv4At : family === AF_INET6 ? ipv6At : null;
    if (address === null) return null;
    const bits = family === AF_INET ? 32 : 128;
    const length = field(record[at.PREFIX_LENGTH]!, rtr_prefix_len);
    const key = bytesOf(record, at.LOOKUP_KEY);
    return {
      type: "route",
      vrf: vrfOf(known(record[at.DECISION_VRF]!)),
      key: address(key, 0),
      prefix: length === null || length > bits
        ? null
        : `${address(masked(key, length), 0)}/${length}`,
      nexthop: this.#nexthop(record),
      label: routeLabel(record, rtr_label, rtr_label_flags, LABEL_VALID.route),
    };
  }

  #passed(record: Uint32Array): ReadDecision | null {
    const nexthop = this.#nexthop(record);
    if (nexthop === null) return null;
    const { fmd_label, fmd_dvrf, fmd_ecmp_nh_index } = this.#places;
    const label = field(record[at.ROUTE_LABEL]!, fmd_label);
    const member = signed(record[at.ECMP_MEMBER]!, fmd_ecmp_nh_index);
    return {
      decision: {
        type: "nexthop",
        nexthop,
        label: label === null || label === NO_LABEL || label > MAX_LABEL ? null : label,
      },
      vrf: vrfOf(field(record[at.DECISION_VRF]!, fmd_dvrf)),
      member: member !== null && member >= 0 ? member : null,
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
      vif: field(record[at.SOURCE_VIF]!, this.#places.vif_idx),
      outerSource: address4(record, at.OUTER_SOURCE),
    }, null);
  }

  #flow(record: Uint32Array): ReadDecision | null {
    const index = record[at.FLOW_INDEX]!;
    if (index === UNKNOWN) return null;
    const { fe_action, fe_drop_reason, fe_flags } = this.#places;
    const result = known(record[at.FLOW_RESULT]!);
    return told({
      type: "flow",
      index,
      reverse: known(record[at.FLOW_REVERSE]!),
      action: this.#words.flowAction({
        action: field(record[at.FLOW_ACTION]!, fe_action),
        dropReason: field(record[at.FLOW_REASON]!, fe_drop_reason),
        flags: field(record[at.FLOW_FLAGS]!, fe_flags),
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
    const type = field(record[at.NEXTHOP_TYPE]!, this.#places.nh_type);
    const flags = field(record[at.NEXTHOP_FLAGS]!, this.#places.nh_flags);
    const vif = field(record[at.NEXTHOP_VIF]!, this.#places.vif_idx);
    const name = type === null ? "" : this.#words.nexthopType(type);
    const isTunnel = name === "Tunnel";
    return {
      id,
      type: name,
      flags: type === null || flags === null ? [] : this.#words.nexthopFlags(type, flags),
      vif: vif === null ? null : this.#vif(vif),
      source: isTunnel ? address4(record, at.NEXTHOP_SOURCE) : null,
      destination: isTunnel ? address4(record, at.NEXTHOP_DESTINATION) : null,
    };
  }
}

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

/** Of what was read at a member's place, as much as belongs to it; `null` if it was not read. */
function field(word: number, place: Place): number | null {
  if (place === undefined || word === UNKNOWN) return null;
  return place.bytes < 4 ? word & ((1 << 8 * place.bytes) - 1) : word;
}

/** The same of a signed member. */
function signed(word: number, place: Place): number | null {
  const value = field(word, place);
  if (value === null || place === undefined) return null;
  const shift = 32 - 8 * Math.min(4, place.bytes);
  return value << shift >> shift;
}

/** Label or VNI of a lookup's result, if its flags say that there is one. */
function routeLabel(record: Uint32Array, label: Place, flags: Place, valid: number): number | null {
  const bits = field(record[at.ROUTE_LABEL_FLAGS]!, flags);
  return bits === null || (bits & valid) === 0 ? null : field(record[at.ROUTE_LABEL]!, label);
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

/** An address with the bits behind a prefix cleared. */
function masked(address: DataView, length: number): DataView {
  const bytes = new Uint8Array(address.byteLength);
  for (let index = 0; index < bytes.length; index++) {
    const bits = Math.min(8, Math.max(0, length - 8 * index));
    bytes[index] = address.getUint8(index) & (0xff00 >> bits);
  }
  return new DataView(bytes.buffer);
}

/** Protocols whose header begins with ports. */
const WITH_PORTS: ReadonlySet<number> = new Set([PROTOCOL.TCP, PROTOCOL.UDP, PROTOCOL.SCTP]);

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
