/**
 * Where a packet is, as far as one record tells.
 *
 * @module
 */

import { findTunnel } from "../packet/packet_match.ts";
import {
  DECIDED_NEXTHOP,
  DECIDED_SOURCE,
  DECIDED_VIF,
  DECISION,
  DECISION_VRF,
  NEXTHOP_FLAGS,
  NEXTHOP_ID,
  NEXTHOP_TYPE,
  ROUTE_LABEL,
  SOURCE_VIF,
  VIF_INDEX,
} from "../probe/decision_record.ts";
import {
  DROP_CAPTURED,
  DROP_HEADER,
  DROP_IFINDEX,
  DROP_IIF,
  DROP_LENGTH,
  DROP_NETNS,
  DROP_VIF,
  DROP_VRF,
  NEXTHOP,
} from "../probe/packet_record.ts";
import { NH, TUNNEL_FLAGS } from "../vrouter/nexthops.ts";
import { NONE, type PacketDetails, type Step } from "./events.ts";

/** One place, used for one record after the other. What the record does not tell is {@linkcode NONE}. */
export class Place {
  /** Index of the vif that it comes from, or is sent to. */
  vif = NONE;
  /** What it is looked up in, or the VRF of a vif of which the record tells. */
  vrf = NONE;
  /** Id of the nexthop that it is at. */
  nexthop = NONE;
  /** The innermost label, or the network identifier, of the tunnel that it is in, or is put into. */
  label = NONE;
  vni = NONE;
  /** Network namespace of its devices, an inode number. */
  netns = NONE;
  /** Its device, and the one that it has come in by; 0 without. */
  ifindex = 0;
  iif = 0;

  /** A call of it starts. */
  call({ vif, nexthop }: Readonly<Step>): void {
    this.#clear();
    this.vif = vif;
    this.nexthop = nexthop;
  }

  /** It is seen for the first time. */
  seen(details: Readonly<PacketDetails>): void {
    this.#clear();
    this.netns = details.netns;
    this.ifindex = details.ifindex;
    this.#tunnel(details.header.subarray(0, details.captured), details.length);
  }

  /** It is dropped: what it is then. */
  dropped(record: Readonly<Uint32Array>): void {
    this.#clear();
    this.vif = record[DROP_VIF]! | 0;
    this.vrf = record[DROP_VRF]! | 0;
    this.nexthop = record[NEXTHOP]! | 0;
    this.netns = record[DROP_NETNS]!;
    this.ifindex = record[DROP_IFINDEX]!;
    this.iif = record[DROP_IIF]!;
    const header = new Uint8Array(record.buffer, record.byteOffset + 4 * DROP_HEADER);
    const captured = Math.min(header.length, record[DROP_CAPTURED]! & 0xffff);
    this.#tunnel(header.subarray(0, captured), record[DROP_LENGTH]!);
  }

  /** vrouter decides about it. */
  decided(record: Readonly<Uint32Array>): void {
    this.#clear();
    this.vrf = record[DECISION_VRF]! | 0;
    switch (record[DECISION]) {
      case DECIDED_NEXTHOP:
        this.nexthop = record[NEXTHOP_ID]! | 0;
        this.#tunnelOf(record);
        break;
      case DECIDED_SOURCE:
        // What is expected of the source is an argument of the function that checks it.
        this.nexthop = record[NEXTHOP_ID]! | 0;
        this.vif = record[SOURCE_VIF]! | 0;
        break;
      case DECIDED_VIF:
        this.vif = record[VIF_INDEX]! | 0;
        break;
    }
  }

  #clear(): void {
    this.vif =
      this.vrf =
      this.nexthop =
      this.label =
      this.vni =
      this.netns =
        NONE;
    this.ifindex = this.iif = 0;
  }

  #tunnel(bytes: Uint8Array, length: number): void {
    const tunnel = findTunnel(bytes, length);
    if (tunnel === null) return;
    if (tunnel.kind === "mpls") this.label = tunnel.number;
    else this.vni = tunnel.number;
  }

  /** The tunnel of a nexthop, which the packet gets after the last record that has its bytes. */
  #tunnelOf(record: Readonly<Uint32Array>): void {
    if (record[NEXTHOP_TYPE] !== NH.TUNNEL) return;
    const flags = record[NEXTHOP_FLAGS]!;
    if (flags & TUNNEL_FLAGS.VXLAN) this.vni = record[ROUTE_LABEL]! | 0;
    else if (flags & (TUNNEL_FLAGS.MPLS_OVER_GRE | TUNNEL_FLAGS.MPLS_OVER_UDP)) {
      this.label = record[ROUTE_LABEL]! | 0;
    }
  }
}
