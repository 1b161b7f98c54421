/**
 * The TCP connections that carry this process's output, as far as they can be determined: its standard
 * output, and the ssh connection of its terminal.
 *
 * @module
 */

import { readText } from "./files.ts";
import { cString, libc } from "./libc.ts";

/** One end of a connection. */
export interface Endpoint {
  /** 4 bytes for IPv4, 16 for IPv6. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** A TCP connection, identified by its endpoints. */
export interface Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

const AF_INET = 2;
const AF_INET6 = 10;
const SOCKADDR_BYTES = 128;
/** TCP_ESTABLISHED in /proc/net/tcp. */
const ESTABLISHED = "01";
/** Processes that own the connection of a terminal. */
const SERVERS = /^(sshd|sshd-session|dropbear|in\.telnetd|telnetd)$/;
/** Maximum number of ancestors searched. */
const GENERATIONS = 64;
/** The prefix of an IPv4-mapped IPv6 address. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The connection of a socket; `null` for any other descriptor or socket. */
export function connectionOf(fd: number): Connection | null {
  const ends = [libc().getsockname, libc().getpeername].map((get) => {
    const address = new Uint8Array(SOCKADDR_BYTES);
    const length = new Uint32Array([SOCKADDR_BYTES]);
    return get(fd, address, length) < 0 ? null : endpointOf(address);
  });
  const [local, remote] = ends;
  return local && remote ? { local, remote } : null;
}

/** Parses a `struct sockaddr_in` or `struct sockaddr_in6`. */
function endpointOf(address: Uint8Array): Endpoint | null {
  const view = new DataView(address.buffer);
  const port = view.getUint16(2);
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return { address: address.slice(4, 8), port };
    case AF_INET6:
      return { address: unmapped(address.slice(8, 24)), port };
    default:
      return null;
  }
}

/** Parses `SSH_CONNECTION`, set by sshd. */
export function connectionOfEnvironment(text: string): Connection | null {
  const [client, clientPort, server, serverPort] = text.split(" ");
  const local = parseEndpoint(server, serverPort);
  const remote = parseEndpoint(client, clientPort);
  return local && remote ? { local, remote } : null;
}

/** The connections of the nearest ancestor that is a terminal server, such as sshd. */
export function connectionsOfTerminal(proc = "/proc"): Connection[] {
  for (let pid = "self", depth = 0; depth < GENERATIONS; depth++) {
    const status = readText(`${proc}/${pid}/status`) ?? "";
    if (SERVERS.test(/^Name:\t(.*)$/m.exec(status)?.[1] ?? "")) {
      const found = connectionsOfProcess(`${proc}/${pid}`);
      // sshd's listener and helper processes have none.
      if (found.length > 0) return found;
    }
    pid = /^PPid:\t(\d+)$/m.exec(status)?.[1] ?? "0";
    if (pid === "0") break;
  }
  return [];
}

/** The remote ends of this process's own connections to a port. */
export function ownPeers(port: number): Endpoint[] {
  const peers: Endpoint[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    if (!linkOf(`/proc/self/fd/${name}`).startsWith("socket:")) continue;
    const remote = connectionOf(Number(name))?.remote;
    if (remote?.port === port) peers.push(remote);
  }
  return peers;
}

function connectionsOfProcess(directory: string): Connection[] {
  const inodes = new Set<string>();
  try {
    for (const { name } of Deno.readDirSync(`${directory}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${directory}/fd/${name}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  } catch {
    return [];
  }
  const tables = ["tcp", "tcp6"].map((name) => readText(`${directory}/net/${name}`) ?? "");
  return tables.flatMap((table) => establishedIn(table, inodes));
}

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}

/** The established connections in /proc/net/tcp or tcp6 whose sockets have one of the inodes. */
export function establishedIn(table: string, inodes: ReadonlySet<string>): Connection[] {
  const found: Connection[] = [];
  for (const line of table.split("\n").slice(1)) {
    const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || inode === undefined || !inodes.has(inode)) continue;
    found.push({ local: endpointOfHex(local!), remote: endpointOfHex(remote!) });
  }
  return found;
}

/** Parses `0100007F:0016`: the words of the address are in host byte order. */
function endpointOfHex(text: string): Endpoint {
  const [address, port] = text.split(":") as [string, string];
  const bytes = new Uint8Array(address.length / 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 4) {
    view.setUint32(at, parseInt(address.slice(2 * at, 2 * at + 8), 16), true);
  }
  return { address: unmapped(bytes), port: parseInt(port, 16) };
}

function parseEndpoint(address = "", port = ""): Endpoint | null {
  const bytes = parseAddress(address.replace(/%.*$/, ""));
  const number = Number(port);
  if (bytes === null || !Number.isInteger(number) || number < 1 || number > 65535) return null;
  return { address: unmapped(bytes), port: number };
}

/** The 4 or 16 bytes of an IP address; `null` for any other text. */
export function parseAddress(text: string): Uint8Array | null {
  const isIpv6 = text.includes(":");
  const bytes = new Uint8Array(isIpv6 ? 16 : 4);
  const found = libc().inet_pton(isIpv6 ? AF_INET6 : AF_INET, cString(text), bytes) === 1;
  return found ? bytes : null;
}

function unmapped(address: Uint8Array): Uint8Array {
  const isMapped = address.length === 16 && MAPPED.every((byte, at) => address[at] === byte);
  return isMapped ? address.slice(12) : address;
}

/** For messages: `192.0.2.1:22 and 192.0.2.9:51234`. */
export function describeConnection({ local, remote }: Connection): string {
  return `${describeEndpoint(local)} and ${describeEndpoint(remote)}`;
}

function describeEndpoint({ address, port }: Endpoint): string {
  if (address.length === 4) return `${address.join(".")}:${port}`;
  const view = new DataView(address.buffer, address.byteOffset);
  const words = Array.from({ length: 8 }, (_, at) => view.getUint16(2 * at).toString(16));
  return `[${words.join(":")}]:${port}`;
}
