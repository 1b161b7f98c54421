/**
 * What a process can do with file descriptors that are not its own alone, such as its standard streams.
 *
 * @module
 */

import { check, libc } from "./libc.ts";

const POLLFD_BYTES = 8;
const POLLFD_EVENTS = 4;
const POLLOUT = 4;
const SEEK_CUR = 1;

/**
 * Whether a write to the descriptor goes ahead at once, be it that it fails at once. Of how many bytes, is
 * another matter: a pipe takes 4096, a terminal one or more.
 */
export function isReadyForOutput(fd: number): boolean {
  const pollfd = new Uint8Array(POLLFD_BYTES);
  const view = new DataView(pollfd.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(POLLFD_EVENTS, POLLOUT, true);
  return libc().poll(pollfd, 1n, 0) > 0;
}

/**
 * Shortens the file by the last so many bytes written through the descriptor, if nothing is behind them.
 *
 * @throws {SystemError} when the kernel refuses
 */
export function takeBack(fd: number, bytes: number): void {
  const end = libc().lseek(fd, 0n, SEEK_CUR);
  check("Cannot find the position in a file", end);
  const size = Deno.statSync(`/proc/self/fd/${fd}`).size;
  if (BigInt(size) !== BigInt(end)) return;
  check("Cannot shorten a file", libc().ftruncate(fd, BigInt(end) - BigInt(bytes)));
  libc().lseek(fd, -BigInt(bytes), SEEK_CUR);
}
