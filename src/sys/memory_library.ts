/**
 * Shared libraries out of memory: memfd_create(2) and dlopen(3). Nothing is looked up in a folder that
 * somebody else might write to, and no file is left.
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
/** Linux 6.3: it may be executed, whatever the sysctl vm.memfd_noexec has as the default. */
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
 * A library that needs another by its SONAME is given the one that is loaded already, so load in the
 * order of need; the system's own is looked for only when there is none.
 *
 * @param name its SONAME, for messages and /proc/self/maps: `libz.so.1`
 * @param bytes the ELF file
 * @param symbols functions to be found in it
 * @returns its functions
 * @throws {Failure} when this system forbids it, or `bytes` are no library that fits
 * @throws {SystemError} ENOMEM or ENOSPC when there is no memory for it
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
    // What is loaded is mapped, and needs no descriptor.
    libc().close(fd);
  }
}

function create(name: string): number {
  const { memfd_create } = libc();
  const title = cString(name);
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = memfd_create(title, flags | MFD_EXEC);
  // Before 6.3 every one may be executed.
  if (fd < 0 && lastErrno() === EINVAL) fd = memfd_create(title, flags);
  if (fd >= 0) return fd;
  const errno = lastErrno();
  const cause = new SystemError(`Cannot create a file in memory for ${name}`, errno);
  // The sysctl says EACCES, since 6.6.
  const advice = errno === EACCES
    ? ": set the sysctl vm.memfd_noexec to 0 or 1, so that such files may be executed"
    : errno === EPERM
    ? ": let the seccomp filter of this container or service allow memfd_create"
    : "";
  throw new Failure("libraries", cause.message + advice, { cause, errno });
}

/** Writes all of it, and seals it: what is loaded is what was written. */
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
 * A part of a path that leads nowhere, and unlike any other: a random number, with "./" for its ones and
 * "/" for its zeros. The dynamic linker compares paths as text, and answers with the library that it
 * has loaded by the same one before; and numbers of descriptors come again.
 */
function detour(): string {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  return random!.toString(2).replaceAll("0", "/").replaceAll("1", "./");
}

/**
 * What Deno and the dynamic linker say of the library at `path`, and what to do about it. As they say it
 * in words alone, the kernel is asked what it holds against the file.
 */
function reasonOf(error: unknown, fd: number, path: string): string {
  if (!exists(path)) return "/proc is missing: mount -t proc proc /proc";
  const text = error instanceof Error ? error.message : `${error}`;
  const reason = text.replaceAll("Could not open library: ", "").replaceAll(`${path}: `, "");
  return isExecutable(fd)
    ? reason
    : `${reason}: let the security policy (SELinux, AppArmor) allow to execute files in memory`;
}

/** Whether the kernel lets the file be mapped as code. */
function isExecutable(fd: number): boolean {
  try {
    new SharedMemory("the library", fd, 1, { executable: true })[Symbol.dispose]();
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno !== EPERM && error.errno !== EACCES;
  }
}
