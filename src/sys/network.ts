/**
 * Network devices and network namespaces of this machine.
 *
 * @module
 */

import { Failure, reasonOf } from "./failure.ts";
import { cString, errorText, lastErrno, libc } from "./libc.ts";
import {
  concatenate,
  encodeAttribute,
  malformed,
  NetlinkClient,
  NetlinkError,
  type NetlinkMessage,
  type NetlinkTransport,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  parseAttributes,
  terminatedString,
} from "./netlink.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "./netlink_socket.ts";
import { inNetworkNamespace } from "./network_namespace.ts";
import { printable } from "./printable.ts";
import { viewOf } from "./view.ts";

/** A network device of one network namespace. */
export interface NetworkDevice {
  readonly name: string;
  /** Index of the device, unique within its namespace; never 0. */
  readonly ifindex: number;
}

/** A device with further attributes. */
export interface NetworkLink extends NetworkDevice {
  /** Hardware type, `ARPHRD_*` of linux/if_arp.h. */
  readonly hardware: number;
}

/** The relevant network namespaces, each as the inode of its /proc/PID/ns/net (`ns.inum`). */
export interface NetworkNamespaces {
  /** That of this process. */
  readonly current: number;
  /** The initial one, with the vrouter module's devices; `null` if unknown. */
  readonly initial: number | null;
}

/** The namespace of the vrouter module's devices. */
export const INITIAL_NAMESPACE = "/proc/1/ns/net";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_EXT_MASK = 29;
/** Omits the statistics, two thirds of a link's message (Linux 4.5; ignored before). */
const RTEXT_FILTER_SKIP_STATS = 8;
/** sizeof(struct ifinfomsg): family, padding, type, index, flags, change mask. */
const IFINFOMSG_BYTES = 16;
const IFINFOMSG_TYPE_OFFSET = 2;
const IFINFOMSG_INDEX_OFFSET = 4;

/** Maximum number of dumps, as each may be interrupted by changes. */
const DUMP_ATTEMPTS = 4;

/**
 * The network devices of the transport's namespace, by ifindex. Unlike /sys/class/net this does not
 * depend on which namespace's sysfs is mounted.
 *
 * If devices are added or deleted during every dump, some of those may be missing.
 *
 * @param transport a NETLINK_ROUTE socket
 * @throws {NetlinkError} if the kernel refuses, or its answer is malformed
 */
export function listNetworkDevices(transport: NetlinkTransport): NetworkLink[] {
  const mask = new Uint8Array(4);
  viewOf(mask).setUint32(0, RTEXT_FILTER_SKIP_STATS, true);
  const request = concatenate(
    new Uint8Array(IFINFOMSG_BYTES),
    encodeAttribute(IFLA_EXT_MASK, mask),
  );
  const client = new NetlinkClient(transport);
  let messages: NetlinkMessage[] = [];
  for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
    messages = client.request(RTM_GETLINK, NLM_F_DUMP, request);
    if (messages.every((message) => (message.flags & NLM_F_DUMP_INTR) === 0)) break;
  }
  // By ifindex, because an interrupted dump may contain a device twice.
  const devices = new Map<number, NetworkLink>();
  for (const message of messages) {
    if (message.type !== RTM_NEWLINK) continue;
    const device = parseLink(message.payload);
    devices.set(device.ifindex, device);
  }
  return [...devices.values()].sort((a, b) => a.ifindex - b.ifindex);
}

/**
 * The network devices of a namespace, by ifindex.
 *
 * @param namespace file of the namespace; by default this process's own
 * @throws {Failure} if the kernel does not list them
 * @throws {SystemError} if this process may not enter the namespace, which needs CAP_SYS_ADMIN
 */
export function readNetworkDevices(namespace?: string): NetworkLink[] {
  using socket = namespace === undefined
    ? new NetlinkSocket(NETLINK_ROUTE)
    : inNetworkNamespace(namespace, () => new NetlinkSocket(NETLINK_ROUTE));
  try {
    return listNetworkDevices(socket);
  } catch (cause) {
    if (!(cause instanceof NetlinkError)) throw cause;
    throw new Failure("network", `Cannot list the network devices: ${cause.message}`, { cause });
  }
}

/** Inode of the initial pid namespace, PROC_PID_INIT_INO in include/linux/proc_ns.h. */
const INITIAL_PID_NAMESPACE = 0xeffffffc;

/**
 * The namespace of this process, and the initial one: that of process 1, if /proc is that of the initial
 * pid namespace. In a container's /proc, process 1 may be in any network namespace.
 *
 * @param inode returns the inode of a path; for process 1 this needs ptrace rights
 * @throws {Failure} if this process's own namespace cannot be read
 */
export function networkNamespaces(
  inode: (path: string) => number | null = (path) => Deno.statSync(path).ino,
): NetworkNamespaces {
  const current = readInode("/proc/self/ns/net", inode);
  try {
    const isFirst = readInode("/proc/1/ns/pid", inode) === INITIAL_PID_NAMESPACE;
    return { current, initial: isFirst ? readInode(INITIAL_NAMESPACE, inode) : null };
  } catch (error) {
    if (error instanceof Failure) return { current, initial: null };
    throw error;
  }
}

/** For FIFOs, whose open would wait for a writer. */
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const NS_GET_NSTYPE = 0xb703n;
const CLONE_NEWNET = 0x40000000;

/**
 * Inode of the network namespace of a file: /run/netns/NAME, /proc/PID/ns/net.
 *
 * @throws {Failure} if it is not a file of a network namespace
 */
export function namespaceOfFile(path: string): number {
  const fd = libc().open(cString(path), O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) {
    throw new Failure(
      "network",
      `Cannot open the network namespace "${printable(path)}": ${errorText(lastErrno())}`,
    );
  }
  try {
    if (libc().ioctl(fd, NS_GET_NSTYPE, 0n) !== CLONE_NEWNET) {
      throw new Failure(
        "network",
        `Cannot use "${
          printable(path)
        }" as a network namespace: it is not one; /proc/PID/ns/net of a ` +
          "process is one",
      );
    }
    return readInode(`/proc/self/fd/${fd}`, (link) => Deno.statSync(link).ino);
  } finally {
    libc().close(fd);
  }
}

function readInode(path: string, inode: (path: string) => number | null): number {
  let number: number | null;
  try {
    number = inode(path);
  } catch (cause) {
    throw new Failure("network", `Cannot read the network namespace ${path}: ${reasonOf(cause)}`, {
      cause,
    });
  }
  if (number === null) {
    throw new Failure("network", `Cannot read the network namespace ${path}: no inode`);
  }
  return number;
}

/** Parses an RTM_NEWLINK message. */
function parseLink(payload: Uint8Array): NetworkLink {
  if (payload.length < IFINFOMSG_BYTES) throw malformed("a link without its header");
  const hardware = viewOf(payload).getUint16(IFINFOMSG_TYPE_OFFSET, true);
  const ifindex = viewOf(payload).getInt32(IFINFOMSG_INDEX_OFFSET, true);
  const name = parseAttributes(payload.subarray(IFINFOMSG_BYTES))
    .find((attribute) => attribute.type === IFLA_IFNAME);
  if (ifindex <= 0 || name === undefined) throw malformed("a link without index or name");
  return { ifindex, name: terminatedString(name.value), hardware };
}
