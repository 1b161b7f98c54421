/**
 * Kernel text as it runs, after alternatives and static branches have been patched in, from
 * /proc/kcore: an ELF core file of the kernel's address space (fs/proc/kcore.c).
 *
 * @module
 */

import { disposedError } from "../sys/disposed.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { type KernelText, UnknownEnds } from "./exits.ts";
import { viewOf } from "../sys/view.ts";

const PAGE_BYTES = 4096n;
const ELF_MAGIC = 0x7f454c46;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PT_LOAD = 1;
const UPPER_HALF = 0xffffffff;

/** Where the text and the list of probes are read from. */
export interface KcorePaths {
  readonly kcore: string;
  /**
   * Addresses of all kprobes, one a line (`report_probe()` in kernel/kprobes.c); those on ftrace
   * sites leave the code unchanged.
   */
  readonly kprobes: string;
}

/** The places of a running system. */
const SYSTEM_PATHS: KcorePaths = {
  kcore: "/proc/kcore",
  kprobes: "/sys/kernel/debug/kprobes/list",
};

/** Some of the address space. */
interface Segment {
  /** Low 32 bits of its address. */
  readonly low: number;
  readonly bytes: number;
  /** Offset in the file. */
  readonly offset: bigint;
}

/** /proc/kcore, open for reading. Needs CAP_SYS_RAWIO; denied by lockdown. */
export class Kcore implements KernelText, Disposable {
  readonly #file: Deno.FsFile;
  #isOpen = true;
  readonly #segments: readonly Segment[];
  readonly #probes: readonly number[];

  /** @throws {Failure} if it cannot be read, or it is unknown where probes have changed it */
  constructor({ kcore, kprobes }: KcorePaths = SYSTEM_PATHS) {
    this.#probes = attempt(kprobes, () => probesOf(Deno.readTextFileSync(kprobes)));
    this.#file = attempt(kcore, () => Deno.openSync(kcore));
    try {
      this.#segments = attempt(kcore, () => this.#readSegments());
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** The segments of the upper 4 GiB, where text is. */
  #readSegments(): Segment[] {
    const header = viewOf(this.#readAt(0n, ELF_HEADER_BYTES));
    if (header.byteLength < ELF_HEADER_BYTES || header.getUint32(0) !== ELF_MAGIC) {
      throw new Error("it is not an ELF file");
    }
    const offset = header.getBigUint64(32, true);
    const count = header.getUint16(56, true);
    const table = viewOf(this.#readAt(offset, count * PROGRAM_HEADER_BYTES));
    const segments: Segment[] = [];
    for (let at = 0; at + PROGRAM_HEADER_BYTES <= table.byteLength; at += PROGRAM_HEADER_BYTES) {
      if (table.getUint32(at, true) !== PT_LOAD) continue;
      if (table.getUint32(at + 20, true) !== UPPER_HALF) continue;
      segments.push({
        low: table.getUint32(at + 16, true),
        bytes: Number(table.getBigUint64(at + 40, true)),
        offset: table.getBigUint64(at + 8, true),
      });
    }
    return segments;
  }

  /** @throws {ReferenceError} after dispose */
  read(low: number, length: number): Uint8Array {
    if (!this.#isOpen) throw disposedError("The kernel's core file");
    if (this.#probes.some((probe) => probe >= low && probe < low + length)) {
      throw new UnknownEnds("it is already being probed");
    }
    const segment = this.#segments.find((segment) =>
      low >= segment.low && low + length <= segment.low + segment.bytes
    );
    if (!segment) throw new UnknownEnds("its code is not in /proc/kcore");
    try {
      const bytes = this.#readAt(segment.offset + BigInt(low - segment.low), length);
      if (bytes.length === length) return bytes;
    } catch {
      // A hole: the kernel answers EFAULT or EIO.
    }
    throw new UnknownEnds("its code cannot be read");
  }

  /**
   * Offsets in this file have up to 56 bits, with 5-level page tables, but Deno seeks to a number of 53
   * bits: so seek to the start of a page, which has no low bits to lose.
   */
  #readAt(offset: bigint, length: number): Uint8Array<ArrayBuffer> {
    const ahead = Number(offset % PAGE_BYTES);
    const bytes = new Uint8Array(ahead + length);
    this.#file.seekSync(offset - BigInt(ahead), Deno.SeekMode.Start);
    let read = 0;
    while (read < bytes.length) {
      const count = this.#file.readSync(bytes.subarray(read));
      if (count === null || count === 0) break;
      read += count;
    }
    return bytes.subarray(ahead, read);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.close();
  }
}

/** Low 32 bits of the addresses where kprobes have put a breakpoint or a jump into the text. */
function probesOf(list: string): number[] {
  const lines = list.split("\n").filter((line) => line !== "" && !line.includes("[FTRACE]"));
  return lines.map((line) => parseInt(line.slice(8, 16), 16));
}

/** Returns the result of `read`; turns what it throws into a Failure. */
function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Failure("kcore", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}
