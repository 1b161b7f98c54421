/**
 * The record of what vrouter has looked up for a packet, or decided about it: bpf/vrft.h,
 * `struct vrft_decision`. Offsets are in 32-bit words from the start of the record, as in
 * `packet_record.ts`; tests/native/layout_test.ts compares them with the struct.
 *
 * A field that is smaller than 32 bits in vrouter is extended, by its sign if it has one. `UNKNOWN` is -1,
 * what the module's BTF does not describe, and what is not there.
 *
 * @module
 */

/** Bytes of the record. */
export const DECISION_BYTES = 96;

/** What has been decided: one of the following. */
export const DECISION = 6;
export const DECIDED_BRIDGE = 0;
export const DECIDED_PREFIX = 1;
export const DECIDED_NEXTHOP = 2;
export const DECIDED_SOURCE = 3;
export const DECIDED_FLOW = 4;
export const DECIDED_NAT = 5;
export const DECIDED_TRAP = 6;
export const DECIDED_FRAGMENT = 7;
export const DECIDED_VIF = 8;

/** VRF of the lookup, of the packet's metadata (`fmd_dvrf`), or of the trap. */
export const DECISION_VRF = 7;

/** A nexthop, of a lookup, of `nh_output()`, or that the source is checked against. */
export const NEXTHOP_ID = 8;
export const NEXTHOP_TYPE = 9;
export const NEXTHOP_FLAGS = 10;
/** Index of the vif of its device. */
export const NEXTHOP_VIF = 11;
/** Ends of a tunnel, IPv4, big endian. */
export const NEXTHOP_SOURCE = 12;
export const NEXTHOP_DESTINATION = 13;

/** Lookup, nexthop: label or VNI of the route, or of the packet's metadata, and the flags beside it. */
export const ROUTE_LABEL = 14;
export const ROUTE_LABEL_FLAGS = 15;
/** Lookup of a prefix: length of the one that won, and address family. */
export const PREFIX_LENGTH = 16;
export const PREFIX_FAMILY = 17;
/** Lookup: MAC or IP address, 16 bytes. */
export const LOOKUP_KEY = 18;
/** Nexthop: the chosen member of ECMP (`fmd_ecmp_nh_index`). */
export const ECMP_MEMBER = 22;
/**
 * Bridge, prefix: low half of the address of the function that the nexthop's packets go to, whose high half is
 * all ones; 0 if unknown.
 */
export const ROUTE_REACH = 23;

/** Source: 0 invalid, 1 valid, 2 valid by another member of ECMP. */
export const SOURCE_RESULT = 14;
/** Source: index of the vif that the packet came in by. */
export const SOURCE_VIF = 15;
/** Source: outer source address, IPv4, big endian. */
export const OUTER_SOURCE = 16;

/** Flow: index in the table. */
export const FLOW_INDEX = 8;
export const FLOW_REVERSE = 9;
export const FLOW_ACTION = 10;
export const FLOW_REASON = 11;
export const FLOW_FLAGS = 12;
/** Flow: what the function returned, a `flow_result_t`; `UNKNOWN` when it starts. */
export const FLOW_RESULT = 13;
/** Flow: nexthop that the source is checked against. */
export const FLOW_SOURCE_NEXTHOP = 14;
/** Flow: VRF that it translates to, if its flags say so. */
export const FLOW_DVRF = 15;
export const FLOW_MEMBER = 16;
export const FLOW_TCP_FLAGS = 17;
/** Flow: nexthop in its key. */
export const FLOW_KEY_NEXTHOP = 18;

/** NAT: whether the addresses are those behind it. */
export const NAT_IS_AFTER = 8;
export const NAT_VERSION = 9;
export const NAT_PROTOCOL = 10;
/** NAT: source and destination port, 16 bits each, as in the header. */
export const NAT_PORTS = 11;
export const NAT_FROM = 12;
export const NAT_TO = 16;

/** Trap: why, `AGENT_TRAP_*`. */
export const TRAP_REASON = 8;
/** Trap: the first word of its parameter: a flow index, an MTU. */
export const TRAP_PARAMETER = 9;

/** Fragmentation: whether it is needed, and the MTU. */
export const FRAGMENT_RESULT = 8;
export const FRAGMENT_MTU = 9;

/** Vif that the packet is sent to: its index, type, and whether that is the host's stack. */
export const VIF_INDEX = 8;
export const VIF_TYPE = 9;
export const VIF_TO_HOST = 10;
