/**
 * Shared libraries loaded from memory: memfd_create(2) and dlopen(3). Nothing is looked up in a
 * directory that somebody else might write to, and no file is left behind.
 *
 * @module
 */

import { Failure } from "./failure.ts";
import { exists } from "./files.ts";
import { check, cString, lastErrno, libc, SystemError } from "./libc.ts";
import { SharedMemory } from "./shared_memory.ts";

// include/uapi/linux/memfd.h
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** Linux 6.3: executable, whatever default the sysctl vm.memfd_noexec sets. */
const MFD_EXEC = 0x10;

// include/uapi/linux/fcntl.h
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_WRITE = 8;
const ALL_SEALS = BigInt(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);

const EPERM = 1;
const EACCES = 13;
const EINVAL = 22;

/**
 * Loads a shared library. It stays loaded for the life of the process.
 *
 * A library that needs another by SONAME gets the one already loaded, so load dependencies first; the
 * system's own is only searched for otherwise.
 *
 * @param name its SONAME, for messages and /proc/self/maps: `libz.so.1`
 * @param bytes the ELF file
 * @param symbols functions to look up in it
 * @returns its functions
 * @throws {Failure} if this system denies it, or `bytes` are not a suitable library
 * @throws {SystemError} ENOMEM or ENOSPC without enough memory
 */
export function loadFromMemory<const S extends Deno.ForeignLibraryInterface>(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  symbols: S,
): Deno.DynamicLibrary<S>["symbols"] {
  const fd = create(name);
  try {
    fill(fd, name, bytes);
    return open(fd, name, symbols);
  } finally {
    // A loaded library is mapped and does not need its descriptor.
    libc().close(fd);
  }
}

function create(name: string): number {
  const { memfd_create } = libc();
  const title = cString(name);
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = memfd_create(title, flags | MFD_EXEC);
  // Before 6.3 all of them are executable.
  if (fd < 0 && lastErrno() === EINVAL) fd = memfd_create(title, flags);
  if (fd >= 0) return fd;
  const errno = lastErrno();
  const cause = new SystemError(`Cannot create a file in memory for ${name}`, errno);
  // EACCES comes from the sysctl, since 6.6.
  const advice = errno === EACCES
    ? ": set the sysctl vm.memfd_noexec to 0 or 1"
    : errno === EPERM
    ? ": allow memfd_create in the seccomp filter of this container or service"
    : "";
  throw new Failure("libraries", cause.message + advice, { cause, errno });
}

/** Writes all of it and seals it, so that what is loaded is what was written. */
function fill(fd: number, name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const { write, fcntl } = libc();
  const what = `Cannot write ${name} (${bytes.length} bytes) to memory`;
  for (let written = 0; written < bytes.length;) {
    const rest = bytes.subarray(written);
    written += check(what, write(fd, rest, BigInt(rest.length)));
  }
  check(`Cannot seal ${name} in memory`, fcntl(fd, F_ADD_SEALS, ALL_SEALS));
}

function open<const S extends Deno.ForeignLibraryInterface>(
  fd: number,
  name: string,
  symbols: S,
): Deno.DynamicLibrary<S>["symbols"] {
  const path = `/proc/self/${detour()}fd/${fd}`;
  try {
    return Deno.dlopen(path, symbols).symbols;
  } catch (cause) {
    throw new Failure(
      "libraries",
      `Cannot load ${name} from memory: ${reasonOf(cause, fd, path)}`,
      {
        cause,
      },
    );
  }
}

/**
 * A unique part of a path that does not change where the path leads: a random number, with "./" for its
 * ones and "/" for its zeros. The dynamic linker compares paths as text and returns a library loaded by
 * the same path before, and descriptor numbers are reused.
 */
function detour(): string {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  return random!.toString(2).replaceAll("0", "/").replaceAll("1", "./");
}

/**
 * What Deno and the dynamic linker report about the library at `path`, and what to do about it. They
 * report text only, so the reason is found by asking the kernel to map the file.
 */
function reasonOf(error: unknown, fd: number, path: string): string {
  if (!exists(path)) return "/proc is missing: mount -t proc proc /proc";
  const text = error instanceof Error ? error.message : `${error}`;
  const reason = text.replaceAll("Could not open library: ", "").replaceAll(`${path}: `, "");
  return isExecutable(fd)
    ? reason
    : `${reason}: allow executing files in memory in the security policy (SELinux, AppArmor)`;
}

/** Whether the kernel allows mapping the file as code. */
function isExecutable(fd: number): boolean {
  try {
    new SharedMemory("the library", fd, 1, { executable: true })[Symbol.dispose]();
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno !== EPERM && error.errno !== EACCES;
  }
}
