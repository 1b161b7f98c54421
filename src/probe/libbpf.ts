/**
 * libbpf through Deno FFI, limited to the symbols used here. Higher layers never call them directly.
 *
 * @module
 */

import { disposedError } from "../sys/disposed.ts";
import { Failure } from "../sys/failure.ts";
import { lastErrno, libc } from "../sys/libc.ts";
import { loadFromMemory } from "../sys/memory_library.ts";

const symbols = {
  // const char *libbpf_version_string(void): 1.0
  libbpf_version_string: { parameters: [], result: "pointer" },
  // libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t fn)
  libbpf_set_print: { parameters: ["function"], result: "pointer" },
  // int libbpf_strerror(int err, char *buf, size_t size)
  libbpf_strerror: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int libbpf_num_possible_cpus(void)
  libbpf_num_possible_cpus: { parameters: [], result: "i32" },
  // struct bpf_object *bpf_object__open_mem(const void *buf, size_t size,
  //   const struct bpf_object_open_opts *opts)
  bpf_object__open_mem: { parameters: ["buffer", "usize", "buffer"], result: "pointer" },
  // int bpf_object__load(struct bpf_object *obj)
  bpf_object__load: { parameters: ["pointer"], result: "i32" },
  // void bpf_object__close(struct bpf_object *obj)
  bpf_object__close: { parameters: ["pointer"], result: "void" },
  // struct bpf_program *bpf_object__next_program(const struct bpf_object *obj,
  //   struct bpf_program *prog)
  bpf_object__next_program: { parameters: ["pointer", "pointer"], result: "pointer" },
  // struct bpf_program *bpf_object__find_program_by_name(const struct bpf_object *obj,
  //   const char *name)
  bpf_object__find_program_by_name: { parameters: ["pointer", "buffer"], result: "pointer" },
  // int bpf_program__set_autoload(struct bpf_program *prog, bool autoload)
  bpf_program__set_autoload: { parameters: ["pointer", "bool"], result: "i32" },
  // int bpf_program__set_expected_attach_type(struct bpf_program *prog, enum bpf_attach_type type)
  bpf_program__set_expected_attach_type: { parameters: ["pointer", "i32"], result: "i32" },
  // int bpf_program__set_type(struct bpf_program *prog, enum bpf_prog_type type)
  bpf_program__set_type: { parameters: ["pointer", "i32"], result: "i32" },
  // void bpf_program__unload(struct bpf_program *prog)
  bpf_program__unload: { parameters: ["pointer"], result: "void" },
  // int bpf_program__fd(const struct bpf_program *prog)
  bpf_program__fd: { parameters: ["pointer"], result: "i32" },
  // const struct bpf_insn *bpf_program__insns(const struct bpf_program *prog): 0.6
  bpf_program__insns: { parameters: ["pointer"], result: "pointer" },
  // size_t bpf_program__insn_cnt(const struct bpf_program *prog): 0.6
  bpf_program__insn_cnt: { parameters: ["pointer"], result: "usize" },
  // struct bpf_map *bpf_object__find_map_by_name(const struct bpf_object *obj, const char *name)
  bpf_object__find_map_by_name: { parameters: ["pointer", "buffer"], result: "pointer" },
  // struct bpf_map *bpf_object__next_map(const struct bpf_object *obj, const struct bpf_map *map)
  bpf_object__next_map: { parameters: ["pointer", "pointer"], result: "pointer" },
  // const char *bpf_map__name(const struct bpf_map *map)
  bpf_map__name: { parameters: ["pointer"], result: "pointer" },
  // int bpf_map__reuse_fd(struct bpf_map *map, int fd)
  bpf_map__reuse_fd: { parameters: ["pointer", "i32"], result: "i32" },
  // int bpf_map__set_max_entries(struct bpf_map *map, __u32 max_entries)
  bpf_map__set_max_entries: { parameters: ["pointer", "u32"], result: "i32" },
  // int bpf_map__set_value_size(struct bpf_map *map, __u32 size)
  bpf_map__set_value_size: { parameters: ["pointer", "u32"], result: "i32" },
  // int bpf_map__fd(const struct bpf_map *map)
  bpf_map__fd: { parameters: ["pointer"], result: "i32" },
  // void *bpf_map__initial_value(const struct bpf_map *map, size_t *psize): 0.3 without const
  bpf_map__initial_value: { parameters: ["pointer", "buffer"], result: "pointer" },
  // int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
  bpf_map_update_elem: { parameters: ["i32", "buffer", "buffer", "u64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libbpf's C functions. */
export type LibbpfSymbols = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** Levels of `enum libbpf_print_level`: warn 0, info 1, debug 2. */
const LEVEL_INFO = 1;

/** Limit of kept messages: the verifier can write megabytes, and its reason is at the end. */
const KEPT_MESSAGE_BYTES = 64 * 1024;

/**
 * Message of libbpf before 1.4 if BPF_BTF_GET_NEXT_ID fails with EPERM; its return value is not
 * specific. It makes that call if the kernel lacks a kfunc that some program uses, as 6.1 does.
 */
const BTF_LIST_REFUSED = /^libbpf: failed to iterate BTF objects: -1$/m;

/** More than any text of libbpf_strerror() takes. */
const ERROR_TEXT_BYTES = 128;

/** libbpf in memory, and its version according to the build. */
interface LoadedLibbpf {
  readonly symbols: LibbpfSymbols;
  readonly built: string;
}

let loaded: LoadedLibbpf | undefined;

/**
 * libbpf's functions, from the library embedded in the program rather than the system's. It is loaded
 * once and stays loaded.
 */
async function load(): Promise<LoadedLibbpf> {
  const { libz, libelf, libbpf, versions } = (await import("./library_files.ts")).default;
  if (loaded === undefined) {
    // Each depends on those before it.
    loadFromMemory("libz.so.1", libz, {});
    loadFromMemory("libelf.so.1", libelf, {});
    loaded = {
      symbols: loadFromMemory("libbpf.so.1", libbpf, symbols),
      built: versions.libbpf,
    };
  }
  return loaded;
}

/**
 * An open libbpf. Its messages are kept, not printed, for when something fails.
 *
 * Use it with `using`: the callback it passes to libbpf lives as long as it does. Messages go to the
 * latest instance only.
 */
export class Libbpf implements Disposable {
  readonly #symbols: LibbpfSymbols;
  readonly #print: Deno.UnsafeCallback<
    { parameters: ["i32", "pointer", "pointer"]; result: "i32" }
  >;
  readonly #built: string;
  #messages = "";
  #isOpen = true;

  private constructor({ symbols, built }: LoadedLibbpf) {
    this.#symbols = symbols;
    this.#built = built;
    const line = new Uint8Array(KEPT_MESSAGE_BYTES);
    const decoder = new TextDecoder();
    this.#print = new Deno.UnsafeCallback(
      { parameters: ["i32", "pointer", "pointer"], result: "i32" },
      (level, format, values) => {
        if (level > LEVEL_INFO) return 0;
        const length = libc().vsnprintf(line, BigInt(line.length), format, values);
        const text = decoder.decode(line.subarray(0, Math.min(length, line.length - 1)));
        this.#messages = (this.#messages + text).slice(-KEPT_MESSAGE_BYTES);
        return length;
      },
    );
    symbols.libbpf_set_print(this.#print.pointer);
  }

  /**
   * The C functions.
   *
   * @throws {ReferenceError} after dispose
   */
  get c(): LibbpfSymbols {
    if (!this.#isOpen) throw disposedError("libbpf");
    return this.#symbols;
  }

  /**
   * Loads libbpf, unless it is already loaded, and receives its messages from now on.
   *
   * @throws {Failure} if this system does not allow loading a library from memory
   */
  static async open(): Promise<Libbpf> {
    return new Libbpf(await load());
  }

  /** Embedded version, and libbpf's own answer, which lacks the last number: `1.1.2 (v1.1)`. */
  version(): string {
    const text = this.c.libbpf_version_string();
    const said = text === null ? "unknown" : new Deno.UnsafePointerView(text).getCString();
    return `${this.#built} (${said})`;
  }

  /** Returns and clears libbpf's messages since the last call, warnings and information. */
  takeMessages(): string {
    const messages = this.#messages;
    this.#messages = "";
    return messages;
  }

  /**
   * Checks the result of a libbpf call.
   *
   * @param action what was being done, as a sentence without period
   * @param result 0 or more for success, -errno for failure
   * @throws {LibbpfError} with the messages that libbpf has written
   */
  check(action: string, result: number): number {
    if (result < 0) throw this.#error(action, -result);
    return result;
  }

  /** The same for functions that return NULL and set errno. */
  checkPointer(action: string, result: Deno.PointerValue): NonNullable<Deno.PointerValue> {
    if (result === null) throw this.#error(action, lastErrno());
    return result;
  }

  #error(action: string, errno: number): LibbpfError {
    const messages = this.takeMessages();
    const kind = BTF_LIST_REFUSED.test(messages) ? "btf_list" : "libbpf";
    // The kernel's error numbers and, from 4000 on, libbpf's own.
    const text = new Uint8Array(ERROR_TEXT_BYTES);
    this.c.libbpf_strerror(errno, text, BigInt(text.length));
    const reason = new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
    return new LibbpfError(kind, `${action}: ${reason}`, errno, messages);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#symbols.libbpf_set_print(null);
    this.#print.close();
  }
}

/** A call of libbpf failed. */
export class LibbpfError extends Failure {
  override readonly name: string = "LibbpfError";
  declare readonly errno: number;

  /**
   * @param message what was being done, and why it failed
   * @param errno positive errno, or from 4000 on one of `enum libbpf_errno` (libbpf.h)
   * @param messages output of libbpf and the verifier, possibly long or empty: the failure's details
   */
  constructor(kind: "libbpf" | "btf_list", message: string, errno: number, messages: string) {
    super(kind, message, { details: messages, errno });
  }
}
