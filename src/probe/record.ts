/**
 * One record of a ring buffer as the BPF programs write it (bpf/vrft.h, `struct vrft_event`).
 *
 * Offsets are in 32-bit words from the start of the record, because the hot path reads the ring through
 * a `Uint32Array`: a 64-bit value is read as two halves, low word first, never as a BigInt.
 * tests/native/layout_test.ts compares these with the BTF of the built object.
 *
 * @module
 */

/** Version of the record layout; the object carries the same number in its `.rodata`. */
export const RECORD_VERSION = 3;

/** Bytes of a record's head, which is all of a call's record; a longer record has whole units of it. */
export const EVENT_BYTES = 24;
/** Maximum number of such units in a record. */
export const MAX_UNITS = 16;
/** Functions that a record can name. */
export const RECORD_FUNCTIONS = 32767;

/** Word 0 and 1: nanoseconds of CLOCK_MONOTONIC (`bpf_ktime_get_ns`), low word first. */
export const TIMESTAMP_LOW = 0;
export const TIMESTAMP_HIGH = 1;
/** Word 2: thread id of the task, 0 for every CPU's idle task. */
export const TASK = 2;
/**
 * Word 3: low 32 bits of the address of the stack slot with the return address. It is the same at entry
 * and return of a call, differs from that of every other live call of the task (a tail call shares it
 * with its caller), and decreases as calls nest, because the stack grows down. In records of other
 * kinds, bits 0-7 are the record's length in units of {@linkcode EVENT_BYTES}, 1 or more.
 */
export const FRAME = 3;
/**
 * Word 4: in bits 0-14 index into the table of functions given to the attacher, in bits 16-31 the slot of
 * the packet.
 */
export const CALL = 4;
/** {@linkcode CALL}, function. */
export const FUNCTION_MASK = 0x7fff;
/** Bit of an entry's function: its return is not recorded, so the call counts as returned at once. */
export const NO_RETURN = 0x8000;
/** Word 5: CPU in bits 0-15, kind in bits 16-23, in bits 24-31 the slot's generation (0 for returns). */
export const CPU_AND_KIND = 5;

/** {@linkcode CPU_AND_KIND}, kind: a function was entered. */
export const KIND_ENTRY = 1;
/** {@linkcode CPU_AND_KIND}, kind: a function returned. */
export const KIND_RETURN = 2;
/** {@linkcode CPU_AND_KIND}, kind: a packet was seen for the first time; its bytes follow. */
export const KIND_PACKET = 3;
/** {@linkcode CPU_AND_KIND}, kind: a packet was made from another one. */
export const KIND_COPY = 4;
/** {@linkcode CPU_AND_KIND}, kind: a packet was dropped. */
export const KIND_DROP = 5;
/** {@linkcode CPU_AND_KIND}, kind: a packet was freed, or is gone. */
export const KIND_END = 6;
/** {@linkcode CPU_AND_KIND}, kind: a packet has met all conditions of the trace. */
export const KIND_MATCH = 7;

/** {@linkcode CPU_AND_KIND}, kind: vrouter has looked something up for a packet, or decided about it. */
export const KIND_DECISION = 8;

/**
 * Bit of {@linkcode CPU_AND_KIND}'s kind, of an entry or a return: the record has {@linkcode LONG_BYTES},
 * with what only some traces ask for from word {@linkcode VIF} or {@linkcode RESULT_LOW} on.
 */
export const KIND_LONG = 0x80;
/** Bytes of a long record of a call. */
export const LONG_BYTES = 2 * EVENT_BYTES;
/** Kinds of long records. */
export const KIND_LONG_ENTRY = KIND_LONG | KIND_ENTRY;
export const KIND_LONG_RETURN = KIND_LONG | KIND_RETURN;
/** Long entry: index of the vif and id of the nexthop; 0xffffffff if there is none. */
export const VIF = 6;
export const NEXTHOP_ID = 7;
/** Long return: the register that a result is in, low word first. */
export const RESULT_LOW = 6;
export const RESULT_HIGH = 7;

/** Receives records; called once per record, so it must not allocate. */
export interface RecordSink {
  /**
   * @param words view over the ring's data; valid during the call only
   * @param at index in `words` of the record's first word
   * @param bytes length of the record, at least {@linkcode EVENT_BYTES}
   */
  record(words: Uint32Array, at: number, bytes: number): void;
}
