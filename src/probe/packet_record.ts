/**
 * The records about packets: what follows the head of a record (`record.ts`), by its kind.
 *
 * Offsets are in 32-bit words from the start of the record. bpf/vrft.h has the same as structs, and
 * tests/native/layout_test.ts compares the two. The head's slot and low bits of the generation name the
 * packet that the record is about.
 *
 * @module
 */

/** Instead of a function in the head, if it happened in none of the table's. */
export const NO_FUNCTION = 0x7fff;

/** Packet seen, packet copied: how often the slot has been taken, of which the head has the low bits. */
export const GENERATION = 6;

/** Packet seen: length of the packet in bytes. */
export const LENGTH = 7;
/** Packet seen: inode number of the network namespace of the packet's device. */
export const NETNS = 8;
/** Packet seen: ifindex of the packet's device. */
export const IFINDEX = 9;
/** Packet seen: number of bytes from {@linkcode HEADER}, in bits 0-15. */
export const CAPTURED = 10;
/** Packet seen: the first bytes of the packet. */
export const HEADER = 11;
/** Bytes of the record of a packet seen in front of {@linkcode HEADER}. */
export const PACKET_BYTES = 4 * HEADER;

/** Packet copied: generation of the packet that was copied. */
export const PARENT_GENERATION = 7;
/** Packet copied: slot of the packet that was copied, in bits 0-15. */
export const PARENT_SLOT = 8;
/** Bytes of the record of a packet copied. */
export const COPY_BYTES = 36;

/** Packet dropped: number of the reason. */
export const REASON = 6;
/** Packet dropped: who dropped it, {@linkcode SOURCE_VROUTER} or {@linkcode SOURCE_KERNEL}. */
export const SOURCE = 7;
export const SOURCE_VROUTER = 0;
export const SOURCE_KERNEL = 1;
/** Packet dropped by the kernel: address of the instruction behind the call that dropped it. */
export const LOCATION_LOW = 8;
export const LOCATION_HIGH = 9;
// Of these, what is not known is `UNKNOWN`, of addresses 0.
/** Packet dropped: index and VRF of the vif that is charged. */
export const DROP_VIF = 10;
export const DROP_VRF = 11;
/** Packet dropped: id, type and address of the function of the nexthop that it is at. */
export const NEXTHOP = 12;
export const NEXTHOP_TYPE = 13;
export const NEXTHOP_REACH = 14;
/** Packet dropped: the flow that it was checked against, and what follows only if that is known. */
export const FLOW = 16;
export const FLOW_REVERSE = 17;
export const FLOW_ACTION = 18;
export const FLOW_REASON = 19;
export const FLOW_FLAGS = 20;
/** Packet dropped: in which kind of table it was looked up, {@linkcode ROUTE_NONE} in none. */
export const ROUTE_KIND = 21;
export const ROUTE_NONE = 0;
export const ROUTE_BRIDGE = 1;
export const ROUTE_PREFIX = 2;
export const ROUTE_VRF = 22;
/** Length of the prefix that won. */
export const ROUTE_LENGTH = 23;
/** The address that was looked up, 16 bytes. */
export const ROUTE_KEY = 24;
export const ROUTE_REACH = 28;
export const ROUTE_NEXTHOP = 30;
export const ROUTE_TYPE = 31;
export const ROUTE_FAMILY = 32;
/** Packet dropped: as of a packet seen, and `skb_iif`. */
export const DROP_NETNS = 33;
export const DROP_IFINDEX = 34;
export const DROP_IIF = 35;
export const DROP_LENGTH = 36;
/** Packet dropped: number of bytes from {@linkcode DROP_HEADER}, in bits 0-15. */
export const DROP_CAPTURED = 37;
/** In bits 16-23 of that word: whether no flow was found. */
export const NO_FLOW_SHIFT = 16;
/** In bits 24-31 of that word: what became of the packet when the kernel last cut one into segments. */
export const SEGMENTATION_SHIFT = 24;
export const SEGMENTATION_UNKNOWN = 0;
export const SEGMENTATION_OTHER = 1;
export const SEGMENTED = 2;
export const SEGMENTATION_FAILED = 3;
/** Packet dropped: return addresses, 64 bits each, 0 behind the last. */
export const DROP_STACK = 38;
export const STACK_DEPTH = 16;
/** Packet dropped: the first bytes of the packet. */
export const DROP_HEADER = 70;
/** Bytes of the record of a packet dropped in front of {@linkcode DROP_HEADER}. */
export const DROP_BYTES = 4 * DROP_HEADER;
/** Bytes of a packet that a record of it has at most; of one made before them, 100. */
export const RECORDED_BYTES = 148;
/** Bytes of a dropped packet that a record has at most. */
export const DROPPED_BYTES = 100;
