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
/** Packet dropped: address of the instruction behind the call that dropped it. */
export const LOCATION_LOW = 8;
export const LOCATION_HIGH = 9;
/** Bytes of the record of a packet dropped. */
export const DROP_BYTES = 40;
