/**
 * libpcap through Deno FFI, limited to compiling filters: it captures nothing here.
 *
 * @module
 */

import { disposedError } from "../sys/disposed.ts";
import { Failure } from "../sys/failure.ts";
import { addressOf, cString } from "../sys/libc.ts";
import { loadFromMemory } from "../sys/memory_library.ts";
import { CLASSIC_BYTES, type ClassicInstruction, readClassic, writeClassic } from "./classic.ts";

const symbols = {
  // pcap_t *pcap_open_dead(int linktype, int snaplen)
  pcap_open_dead: { parameters: ["i32", "i32"], result: "pointer" },
  // void pcap_close(pcap_t *p)
  pcap_close: { parameters: ["pointer"], result: "void" },
  // int pcap_compile(pcap_t *p, struct bpf_program *fp, const char *str, int optimize,
  //   bpf_u_int32 netmask)
  pcap_compile: { parameters: ["pointer", "buffer", "buffer", "i32", "u32"], result: "i32" },
  // void pcap_freecode(struct bpf_program *fp)
  pcap_freecode: { parameters: ["buffer"], result: "void" },
  // char *pcap_geterr(pcap_t *p)
  pcap_geterr: { parameters: ["pointer"], result: "pointer" },
  // int pcap_offline_filter(const struct bpf_program *fp, const struct pcap_pkthdr *h,
  //   const u_char *pkt)
  pcap_offline_filter: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type LibpcapSymbols = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** `DLT_EN10MB`: packets start with an Ethernet header. */
const DLT_EN10MB = 1;
/** What a filter returns for a match; the bytes that tcpdump captures by default. */
const SNAPSHOT_BYTES = 262_144;
/** `PCAP_NETMASK_UNKNOWN`: `ip broadcast` is an error then, as there is no one network. */
const NETMASK_UNKNOWN = 0xffffffff;

/** `struct bpf_program`: the number of instructions, and a pointer to them. */
const PROGRAM_BYTES = 16;
const PROGRAM_INSTRUCTIONS = 8;

/** `struct pcap_pkthdr`: a timeval, then the bytes captured and those of the packet. */
const HEADER_BYTES = 24;
const HEADER_CAPTURED = 16;
const HEADER_LENGTH = 20;

let loaded: LibpcapSymbols | undefined;

/** Its functions, from the library embedded in the program; loaded once, and stays loaded. */
async function load(): Promise<LibpcapSymbols> {
  loaded ??= loadFromMemory(
    "libpcap.so.0.8",
    (await import("./libpcap_file.ts")).default,
    symbols,
  );
  return loaded;
}

/** An expression that libpcap refuses; the message is libpcap's. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

/** libpcap, for frames of Ethernet. Use it with `using`. */
export class Libpcap implements Disposable {
  readonly #c: LibpcapSymbols;
  /** `pcap_t *`; `null` once closed. */
  #handle: Deno.PointerValue;

  private constructor(c: LibpcapSymbols) {
    this.#c = c;
    this.#handle = c.pcap_open_dead(DLT_EN10MB, SNAPSHOT_BYTES);
    if (this.#handle === null) throw new Failure("memory", "Cannot open libpcap: out of memory");
  }

  /**
   * Loads libpcap, unless it is already loaded.
   *
   * @throws {Failure} if this system does not allow loading a library from memory
   */
  static async open(): Promise<Libpcap> {
    return new Libpcap(await load());
  }

  /**
   * Compiles an expression. Names of hosts are looked up, which may take as long as DNS takes.
   *
   * @param optimized whether libpcap shortens the program, in time quadratic to its length
   * @throws {ExpressionError} if libpcap does not understand it
   */
  compile(expression: string, optimized: boolean): ClassicInstruction[] {
    const program = new Uint8Array(PROGRAM_BYTES);
    const status = this.#c.pcap_compile(
      this.#open,
      program,
      cString(expression),
      optimized ? 1 : 0,
      NETMASK_UNKNOWN,
    );
    if (status !== 0) {
      const text = this.#c.pcap_geterr(this.#open);
      throw new ExpressionError(
        text === null ? "unknown error" : new Deno.UnsafePointerView(text).getCString(),
      );
    }
    try {
      const view = new DataView(program.buffer);
      const at = Deno.UnsafePointer.create(view.getBigUint64(PROGRAM_INSTRUCTIONS, true))!;
      const bytes = view.getUint32(0, true) * CLASSIC_BYTES;
      return readClassic(Deno.UnsafePointerView.getArrayBuffer(at, bytes));
    } finally {
      this.#c.pcap_freecode(program);
    }
  }

  /**
   * Whether a frame matches. Too slow for a flood: see {@linkcode translate} of `ebpf.ts`.
   *
   * @param captured the frame's first bytes
   * @param length bytes of the whole frame
   */
  matches(
    program: readonly ClassicInstruction[],
    captured: Uint8Array<ArrayBuffer>,
    length: number,
  ): boolean {
    const instructions = writeClassic(program);
    const head = new DataView(new ArrayBuffer(PROGRAM_BYTES));
    head.setUint32(0, program.length, true);
    head.setBigUint64(PROGRAM_INSTRUCTIONS, addressOf(instructions), true);
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    header.setUint32(HEADER_CAPTURED, captured.length, true);
    header.setUint32(HEADER_LENGTH, length, true);
    const { pcap_offline_filter } = this.#c;
    return pcap_offline_filter(
      new Uint8Array(head.buffer),
      new Uint8Array(header.buffer),
      captured,
    ) !== 0;
  }

  get #open(): NonNullable<Deno.PointerValue> {
    if (this.#handle === null) throw disposedError("libpcap");
    return this.#handle;
  }

  [Symbol.dispose](): void {
    if (this.#handle === null) return;
    this.#c.pcap_close(this.#handle);
    this.#handle = null;
  }
}
