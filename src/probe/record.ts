/**
 * One record of the ring buffer as the BPF programs write it (bpf/vrft.h, `struct vrft_event`).
 *
 * Offsets are in 32-bit words from the start of the record, because the hot path reads the ring through
 * a `Uint32Array`: a 64-bit value is read as two halves, low word first, never as a BigInt.
 * tests/native/layout_test.ts compares these with the BTF of the built object.
 *
 * @module
 */

/** Version of the record layout; the object carries the same number in its `.rodata`. */
export const RECORD_VERSION = 1;

/** Bytes of a record without payload. A longer record has a payload that readers may skip. */
export const EVENT_BYTES = 24;

/** Word 0 and 1: nanoseconds of CLOCK_MONOTONIC (`bpf_ktime_get_ns`), low word first. */
export const TIMESTAMP_LOW = 0;
export const TIMESTAMP_HIGH = 1;
/** Word 2: thread id of the task, 0 for every CPU's idle task. */
export const TASK = 2;
/**
 * Word 3: low 32 bits of the address of the stack slot with the return address. It is the same at entry
 * and return of a call, differs from that of every other live call of the task (a tail call shares it
 * with its caller), and decreases as calls nest, because the stack grows down.
 */
export const FRAME = 3;
/** Word 4: index into the table of functions given to the attacher. */
export const FUNCTION = 4;
/** Word 5: CPU in bits 0-15, kind in bits 16-23, bits 24-31 are zero. */
export const CPU_AND_KIND = 5;

/** {@linkcode CPU_AND_KIND}, kind: a function was entered. */
export const KIND_ENTRY = 1;
/** {@linkcode CPU_AND_KIND}, kind: a function returned. */
export const KIND_RETURN = 2;

/** Receives records; called once per record, so it must not allocate. */
export interface RecordSink {
  /**
   * @param words view over the ring's data; valid during the call only
   * @param at index in `words` of the record's first word
   * @param bytes length of the record, at least {@linkcode EVENT_BYTES}
   */
  record(words: Uint32Array, at: number, bytes: number): void;
}
