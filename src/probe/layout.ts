/**
 * The rest of bpf/vrft.h, besides the record: cookies, rings, and the sections shared with the
 * programs. tests/native/layout_test.ts compares every number here with the BTF of the object.
 *
 * @module
 */

import type { MemberPlace } from "../kernel/btf.ts";
import { DECISION_PLACES } from "../kernel/decision_offsets.ts";
import type { PacketFunction } from "../kernel/packet_function.ts";
import { CONDITIONS, MAX_VALUES } from "../packet/conditions.ts";

/** `struct vrft_ring`, one for each CPU: offsets in bytes of its members, each a u64 but those of blocks. */
export const RING_HEAD = 0;
export const RING_EXTRA = 8;
export const RING_LOST = 16;
export const RING_UNTRACKED = 24;
export const RING_PACKETS_SEEN = 32;
export const RING_PACKETS_KEPT = 40;
export const RING_TAIL = 64;
export const RING_LIMIT = 72;
export const RING_FIRST_BLOCK = 80;
export const RING_BLOCK_MASK = 84;
export const RING_PACKETS_COPIED = 128;
export const RING_PACKETS_ENDED = 136;
export const RING_PACKETS_EVICTED = 144;
export const RING_PACKETS_UNFOLLOWED = 152;
export const RING_BYTES = 192;
/** CPUs that can have a ring: those with lower numbers. */
export const MAX_CPUS = 1024;
/** Binary logarithm of the most units that a block of a ring has. */
export const BLOCK_BITS = 17;
/** Units of a ring that are kept free for programs that interrupt one another. */
export const NESTING_UNITS = 64;

/** `struct vrft_control` in `.bss`: offsets in bytes. */
export const CONTROL_ENABLED = 0;
export const CONTROL_READER_WAITS = 4;
export const CONTROL_INTERFACE_BITS = 8;
export const CONTROL_VIF_BITS = 8 + 8192;
export const CONTROL_SLOT_FACTORS = 8 + 2 * 8192;
export const CONTROL_COOKIES = CONTROL_SLOT_FACTORS + 4 * 4096;
/** At the next cache line. */
export const CONTROL_RINGS = Math.ceil((CONTROL_COOKIES + 8 * 32768) / 64) * 64;
export const RINGS_BYTES = MAX_CPUS * RING_BYTES;
export const CONTROL_PACKETS = CONTROL_RINGS + RINGS_BYTES;
/** Slots of the table of packets. */
export const PACKET_SLOTS = 65536;
export const CONTROL_BYTES = CONTROL_PACKETS + 8 * PACKET_SLOTS;
/** Bits of each filter bitmap. */
export const BITMAP_BITS = 65536;

/**
 * Hashes of a session's function addresses: the factor of the first hash, and the number of upper bits
 * used of the product.
 */
export const BUCKET_FACTOR = 2654435761;
export const BUCKET_BITS = 12;
export const SLOT_BITS = 15;

/** `struct vrft_config` in `.rodata`: offsets in bytes. All are u32 except the connections. */
export const CONFIG_RECORD_VERSION = 0;
export const CONFIG_VP_IF_OFFSET = 4;
export const CONFIG_VIF_IDX_OFFSET = 8;
export const CONFIG_VROUTER_NETNS = 12;
export const CONFIG_ONLY_NETNS = 16;
export const CONFIG_SAMPLE = 20;
export const CONFIG_SIGHT_NETNS = 24;
export const CONFIG_RECORDED = 28;
export const CONFIG_PACKET_EVENTS = 32;
export const CONFIG_DROPS = 36;
export const CONFIG_OWN = 40;
/** `struct vrft_connection`: offsets in bytes. */
export const CONNECTION_ADDRESS = 0;
export const CONNECTION_PORT = 32;
export const CONNECTION_VERSION = 36;
export const CONNECTION_BYTES = 40;
/** Maximum number of connections. */
export const OWN_CONNECTIONS = 4;
export const CONFIG_SHARED = CONFIG_OWN + OWN_CONNECTIONS * CONNECTION_BYTES;
export const CONFIG_RPS_DEVICE = CONFIG_SHARED + 4;
export const CONFIG_GRO_DEVICES = CONFIG_SHARED + 8;
export const CONFIG_FILTERS = CONFIG_SHARED + 16;
export const CONFIG_UNIT_MASK = CONFIG_SHARED + 20;
export const CONFIG_CONDITIONS = CONFIG_SHARED + 24;
export const CONFIG_VIF_VRF_OFFSET = CONFIG_SHARED + 28;
export const CONFIG_VP_NH_OFFSET = CONFIG_SHARED + 32;
export const CONFIG_NH_ID_OFFSET = CONFIG_SHARED + 36;
export const CONFIG_FMD_DVRF_OFFSET = CONFIG_SHARED + 40;
export const CONFIG_WANTED = CONFIG_SHARED + 44;
/** `struct vrft_numbers`, one for each kind of condition: a count, and the numbers, each a u32. */
export const NUMBERS_BYTES = 4 + 4 * MAX_VALUES;
/** `struct vrft_drop_offsets`: a u32 for each of {@linkcode DROP_OFFSETS}, in that order. */
export const CONFIG_DROP = CONFIG_WANTED + CONDITIONS.length * NUMBERS_BYTES;
/** What is read of vrouter's structs when a packet is dropped. */
export const DROP_OFFSETS = [
  "nh_type",
  "nh_reach_nh",
  "fe_action",
  "fe_flags",
  "fe_rflow",
  "fe_drop_reason",
  "fmd_flow_index",
  "be_nh",
  "rtr_family",
  "rtr_prefix",
  "rtr_prefix_len",
] as const;
/** An offset, or another number of a drop, that is not known. */
export const UNKNOWN = 0xffffffff;
/** `struct vrft_decision_places`: a u32 for each of `DECISION_PLACES`, from {@linkcode placeWord}. */
export const CONFIG_DECISION = CONFIG_DROP + 4 * DROP_OFFSETS.length;
export const CONFIG_SHOW = CONFIG_DECISION + 4 * DECISION_PLACES.length;
export const CONFIG_PLAIN = CONFIG_SHOW + 4;
export const CONFIG_BYTES = CONFIG_PLAIN + 4;

const PLACE_SHIFT = 16;
const PLACE_SIGNED = 1 << 24;

/** Where the programs find a member of a struct, of which they read 32 bits. */
export function placeWord(place: MemberPlace | undefined): number {
  // A pointer is read as one, whatever this says of its size.
  if (place === undefined || place.offset > 0xffff) return UNKNOWN;
  const excess = 32 - 8 * Math.min(4, place.bytes);
  return place.offset | excess << PLACE_SHIFT | (place.isSigned ? PLACE_SIGNED : 0);
}

/** Bits of the configuration: what calls are recorded with. */
export const SHOW_PLACE = 1;
export const SHOW_RESULT = 2;

/** Bits of the configuration: the packet filters that are there. */
export const FILTER_ANY = 1;
export const FILTER_OUTER = 2;
export const FILTER_INNER = 4;

const COOKIE_COPIES = 1n << 15n;
const COOKIE_VR_PACKET = 1n << 35n;
const COOKIE_INDIRECT = 1n << 36n;
const COOKIE_RELEASES = 1n << 37n;
const COOKIE_FREES = 1n << 38n;
const COOKIE_SILENT = 1n << 39n;
const COOKIE_VIF_SHIFT = 40n;
const COOKIE_NEXTHOP_SHIFT = 43n;
const COOKIE_METADATA_SHIFT = 46n;
export const COOKIE_DROPS = 1n << 49n;
const COOKIE_RESULT_SHIFT = 50n;
const COOKIE_DECISION_SHIFT = 54n;
const COOKIE_SECOND_KIND = 1n << 58n;
const COOKIE_RETURNS = 1n << 59n;
const COOKIE_ARGUMENT_SHIFT = 60n;
const COOKIE_JUMP_SHIFT = 40n;

/** The role of a function in the life of a packet: see bpf/identity.h. */
export interface LifeRole {
  /**
   * `releases`: its call starts freeing the packet; `frees`: it may be called while that is in progress;
   * `finishes`: either.
   */
  readonly end?: "releases" | "frees" | "finishes";
  /** Drops the packet, for a reason that is among its arguments. */
  readonly drops?: boolean;
  /** Returns a copy of the packet, or a list of them. */
  readonly copies?: boolean;
  /** Attached to only for that, and not recorded. */
  readonly silent?: boolean;
}

/**
 * The attach cookie of a function.
 *
 * @param fn the function, which determines how the program finds the packet
 * @param index the function's number in records, below `RECORD_FUNCTIONS`
 */
export function cookieOf(fn: PacketFunction & LifeRole, index: number): bigint {
  let cookie = BigInt(index) | (BigInt(fn.argument) << COOKIE_ARGUMENT_SHIFT) |
    (BigInt(fn.vifRegister ?? 0) << COOKIE_VIF_SHIFT) |
    (BigInt(fn.nexthopRegister ?? 0) << COOKIE_NEXTHOP_SHIFT) |
    (BigInt(fn.metadataRegister ?? 0) << COOKIE_METADATA_SHIFT);
  if (fn.struct === "vr_packet") cookie |= COOKIE_VR_PACKET;
  if (fn.indirection === 2) cookie |= COOKIE_INDIRECT;
  if (fn.end === "releases" || fn.end === "finishes") cookie |= COOKIE_RELEASES;
  if (fn.end === "frees" || fn.end === "finishes") cookie |= COOKIE_FREES;
  if (fn.copies) cookie |= COOKIE_COPIES;
  if (fn.drops) cookie |= COOKIE_DROPS;
  if (fn.silent) cookie |= COOKIE_SILENT;
  return cookie;
}

/** What else the program of one function is to know about it. */
export interface OwnCookie {
  /** Number of its parameters, at its return. */
  readonly result?: number;
  /** What it decides, a `DECIDED_…`. */
  readonly decision?: number | null;
  /** Whether it is the other one of two functions that decide alike. */
  readonly isSecond?: boolean;
  /** Whether its return is recorded. */
  readonly returns?: boolean;
}

/** What a cookie has besides, of a program that belongs to one function. */
export function ownBits({ result, decision, isSecond, returns }: OwnCookie): bigint {
  return BigInt(result ?? 0) << COOKIE_RESULT_SHIFT |
    BigInt((decision ?? -1) + 1) << COOKIE_DECISION_SHIFT |
    (isSecond ? COOKIE_SECOND_KIND : 0n) | (returns ? COOKIE_RETURNS : 0n);
}

/**
 * The cookie of a probe on the end of a function.
 *
 * @param register number of the register with the jump target, 0 (rax) to 15 (r15); -1 for a return,
 *   `ELSEWHERE` (16) for another jump
 */
export function exitCookie(register: number): bigint {
  return BigInt(register + 1) << COOKIE_JUMP_SHIFT;
}
