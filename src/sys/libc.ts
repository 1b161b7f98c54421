/**
 * libc through Deno FFI: the few calls that Deno does not provide.
 *
 * Nothing is opened at import; the functions of {@linkcode libc} are those of `libc.so.6`, which the
 * dynamic linker has already resolved for this process.
 *
 * @module
 */

import { Failure, type FailureKind } from "./failure.ts";

const symbols = {
  // long syscall(long number, ...): used for bpf(2) and perf_event_open(2), which libc does not wrap
  syscall: {
    parameters: ["i64", "u64", "u64", "u64", "u64", "u64", "u64"],
    result: "i64",
  },
  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  // int munmap(void *addr, size_t length)
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  // int open(const char *path, int flags, mode_t mode)
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  // int close(int fd)
  close: { parameters: ["i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count)
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *buf, size_t count)
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout)
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  // off_t lseek(int fd, off_t offset, int whence)
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // int ftruncate(int fd, off_t length)
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  // int ioctl(int fd, unsigned long request, unsigned long argument)
  ioctl: { parameters: ["i32", "u64", "u64"], result: "i32" },
  // int setns(int fd, int nstype): of the calling thread
  setns: { parameters: ["i32", "i32"], result: "i32" },
  // int fcntl(int fd, int cmd, long argument)
  fcntl: { parameters: ["i32", "i32", "i64"], result: "i32" },
  // int memfd_create(const char *name, unsigned int flags): glibc 2.27
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  // int eventfd(unsigned int initval, int flags)
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int epoll_create1(int flags)
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32", nonblocking: true },
  // int socket(int domain, int type, int protocol)
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int connect(int fd, const struct sockaddr *addr, socklen_t len)
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int inet_pton(int af, const char *src, void *dst)
  inet_pton: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // ssize_t send(int fd, const void *buf, size_t len, int flags)
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  // ssize_t recv(int fd, void *buf, size_t len, int flags)
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  // int vsnprintf(char *str, size_t size, const char *format, va_list ap): va_list is passed as a
  // pointer on x86-64 and arm64
  vsnprintf: { parameters: ["buffer", "usize", "pointer", "pointer"], result: "i32" },
  // int clock_gettime(clockid_t clockid, struct timespec *tp)
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // int *__errno_location(void)
  __errno_location: { parameters: [], result: "pointer" },
  // char *strerror(int errnum)
  strerror: { parameters: ["i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C functions of {@linkcode libc}, with their C types translated by Deno. */
export type Libc = Deno.DynamicLibrary<typeof symbols>["symbols"];

let loaded: Libc | undefined;

/** libc's functions. Each is looked up on first use. The library stays open. */
export function libc(): Libc {
  loaded ??= lookUpOnUse();
  return loaded;
}

/** Looking one up takes half a millisecond, in which Deno compiles the code that calls it. */
function lookUpOnUse(): Libc {
  const functions = {} as Libc;
  const define = (name: keyof Libc): void => {
    const value = Deno.dlopen("libc.so.6", { [name]: symbols[name] }).symbols[name];
    Object.defineProperty(functions, name, { value });
  };
  for (const name of Object.keys(symbols) as (keyof Libc)[]) {
    Object.defineProperty(functions, name, {
      configurable: true,
      get(): unknown {
        define(name);
        return functions[name];
      },
    });
  }
  // Not after the failure it is to tell about: looking it up may change errno.
  define("__errno_location");
  return functions;
}

/** A failed system call or library call: what was being done, and the kernel's errno. */
export class SystemError extends Failure {
  override readonly name = "SystemError";
  declare readonly errno: number;

  /**
   * @param action what failed, as a sentence without period: `Cannot map the ring buffer`
   * @param errno positive errno of Linux
   */
  constructor(readonly action: string, errno: number, kind: FailureKind = "system_call") {
    super(kind, `${action}: ${errorText(errno)}`, { errno });
  }
}

/** libc's text for `errno` (positive), in the C locale: `Operation not permitted`. */
export function errorText(errno: number): string {
  const text = libc().strerror(errno);
  return text === null ? `errno ${errno}` : new Deno.UnsafePointerView(text).getCString();
}

/** errno of the last failed libc call on this thread: read it before any other call. */
export function lastErrno(): number {
  const location = libc().__errno_location();
  return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
}

/**
 * Checks the result of a libc call that returns -1 on failure.
 *
 * @throws {SystemError} of the kind given when `result` is negative
 */
export function check(action: string, result: number | bigint, kind?: FailureKind): number {
  if (result < 0) throw new SystemError(action, lastErrno(), kind);
  return Number(result);
}

/** `text` as a NUL-terminated C string. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Address of a typed array's bytes, for pointers in C structs; the caller keeps the array alive. */
export function addressOf(array: BufferSource): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(array)));
}
