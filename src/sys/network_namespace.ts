/**
 * Switches the network namespace.
 *
 * @module
 */

import { check, cString, libc } from "./libc.ts";

/** For FIFOs, whose open would wait for a writer. */
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x40000000;

/**
 * Calls a function with this thread in another network namespace. A socket stays in the namespace in
 * which it was created.
 *
 * @param path file of the namespace, such as /proc/1/ns/net
 * @param action must be synchronous
 * @throws {SystemError} if this process may not enter the namespace, which needs CAP_SYS_ADMIN
 */
export function inNetworkNamespace<Result>(path: string, action: () => Result): Result {
  using files = new DisposableStack();
  const open = (file: string): number => {
    const fd = check(`Cannot open ${file}`, libc().open(cString(file), O_CLOEXEC | O_NONBLOCK, 0));
    files.defer(() => libc().close(fd));
    return fd;
  };
  const own = open("/proc/thread-self/ns/net");
  const other = open(path);
  check(`Cannot enter the network namespace ${path}`, libc().setns(other, CLONE_NEWNET));
  try {
    return action();
  } finally {
    check("Cannot return to the network namespace of vrft", libc().setns(own, CLONE_NEWNET));
  }
}
