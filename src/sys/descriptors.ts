/**
 * Operations on file descriptors shared with other processes, such as the standard streams.
 *
 * @module
 */

import { check, libc } from "./libc.ts";

const POLLFD_BYTES = 8;
const POLLFD_EVENTS = 4;
const POLLOUT = 4;
const SEEK_CUR = 1;

/**
 * Whether a write to the descriptor would return immediately, possibly with an error. The number of bytes
 * it accepts depends on the file: 4096 for a pipe, one or more for a terminal.
 */
export function isReadyForOutput(fd: number): boolean {
  const pollfd = new Uint8Array(POLLFD_BYTES);
  const view = new DataView(pollfd.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(POLLFD_EVENTS, POLLOUT, true);
  return libc().poll(pollfd, 1n, 0) > 0;
}

/**
 * Writes some of the bytes.
 *
 * @returns how many
 * @throws {SystemError} if the kernel takes none
 */
export function writeSome(fd: number, bytes: Uint8Array): number {
  return check(
    "Cannot write",
    libc().write(fd, bytes as Uint8Array<ArrayBuffer>, BigInt(bytes.length)),
  );
}

/**
 * Truncates the file by the last `bytes` bytes written through the descriptor, if nothing follows them.
 *
 * @throws {SystemError} if the kernel refuses
 */
export function takeBack(fd: number, bytes: number): void {
  const end = libc().lseek(fd, 0n, SEEK_CUR);
  check("Cannot find the position in a file", end);
  const size = Deno.statSync(`/proc/self/fd/${fd}`).size;
  if (BigInt(size) !== BigInt(end)) return;
  check("Cannot shorten a file", libc().ftruncate(fd, BigInt(end) - BigInt(bytes)));
  libc().lseek(fd, -BigInt(bytes), SEEK_CUR);
}
