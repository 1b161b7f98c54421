import assert from "node:assert/strict";
import { openDescriptors } from "../support/descriptors.ts";
import { Failure } from "../../src/sys/failure.ts";
import {
  concatenate,
  encodeAttribute,
  encodeMessage,
  NetlinkError,
  type NetlinkMessage,
  type NetlinkTransport,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  parseMessages,
} from "../../src/sys/netlink.ts";
import {
  listNetworkDevices,
  namespaceOfFile,
  networkNamespaces,
  readNetworkDevices,
} from "../../src/sys/network.ts";
import { isFailure } from "../support/failures.ts";

const PORT = 9;
/** ARPHRD_ETHER, and ARPHRD_LOOPBACK. */
const HARDWARE = 1;
const LOOPBACK = 772;

/** One RTM_NEWLINK message. */
function link(ifindex: number, name: string | null, flags = NLM_F_MULTI): Partial<NetlinkMessage> {
  const header = new Uint8Array(16);
  new DataView(header.buffer).setUint16(2, HARDWARE, true);
  new DataView(header.buffer).setInt32(4, ifindex, true);
  const mtu = encodeAttribute(4, Uint8Array.of(0xdc, 5, 0, 0));
  const label = name === null
    ? new Uint8Array(0)
    : encodeAttribute(3, new TextEncoder().encode(`${name}\0`));
  return { type: 16, flags, payload: concatenate(header, mtu, label) };
}

const DONE: Partial<NetlinkMessage> = { type: 3, flags: NLM_F_MULTI, payload: new Uint8Array(4) };

/** A transport that answers each request with the next of `dumps`, and records the requests. */
function transportOf(
  ...dumps: Partial<NetlinkMessage>[][]
): NetlinkTransport & { requests: NetlinkMessage[] } {
  const queue: Uint8Array[] = [];
  const requests: NetlinkMessage[] = [];
  return {
    port: PORT,
    requests,
    send: (datagram) => {
      const request = parseMessages(datagram)[0]!;
      const { sequence } = request;
      requests.push(request);
      const base = { type: 0, flags: 0, sequence, port: PORT, payload: new Uint8Array(0) };
      queue.push(...dumps.shift()!.map((message) => encodeMessage({ ...base, ...message })));
    },
    receive: () => queue.shift()!,
  };
}

Deno.test("listNetworkDevices() asks for all links without statistics", () => {
  const transport = transportOf([DONE]);
  assert.deepEqual(listNetworkDevices(transport), []);
  assert.equal(transport.requests[0]!.type, 18);
  assert.equal(transport.requests[0]!.flags, 0x301);
  assert.equal(
    transport.requests[0]!.payload.toHex(),
    "00".repeat(16) + "08001d00" + "08000000",
  );
});

Deno.test("listNetworkDevices() gives name, ifindex and hardware of each link, by ifindex", () => {
  assert.deepEqual(
    listNetworkDevices(
      transportOf([link(4, "eth0"), { type: 17, flags: NLM_F_MULTI }, link(1, "lo"), DONE]),
    ),
    [
      { ifindex: 1, name: "lo", hardware: HARDWARE },
      { ifindex: 4, name: "eth0", hardware: HARDWARE },
    ],
  );
});

Deno.test("listNetworkDevices() asks again when devices changed during the dump", () => {
  const interrupted = NLM_F_MULTI | NLM_F_DUMP_INTR;
  const transport = transportOf(
    [link(1, "lo", interrupted), link(1, "lo", interrupted), DONE],
    [link(1, "lo"), link(2, "eth0"), DONE],
  );
  assert.deepEqual(listNetworkDevices(transport).map((device) => device.name), ["lo", "eth0"]);
  assert.equal(transport.requests.length, 2);
});

Deno.test("listNetworkDevices() takes what it got, each device once, when changes do not end", () => {
  const interrupted = NLM_F_MULTI | NLM_F_DUMP_INTR;
  const dump = [link(1, "lo", interrupted), link(1, "lo", interrupted), DONE];
  const transport = transportOf(...Array(10).fill(dump));
  const lo = { ifindex: 1, name: "lo", hardware: HARDWARE };
  assert.deepEqual(listNetworkDevices(transport), [lo]);
  assert.equal(transport.requests.length, 4);
});

Deno.test("listNetworkDevices() rejects links without header, index or name", () => {
  const short = { type: 16, flags: NLM_F_MULTI, payload: new Uint8Array(15) };
  for (const message of [short, link(0, "lo"), link(-1, "lo"), link(1, null)]) {
    assert.throws(() => listNetworkDevices(transportOf([message, DONE])), NetlinkError);
  }
});

Deno.test("readNetworkDevices() finds the loopback device of this namespace", () => {
  const devices = readNetworkDevices();
  assert.deepEqual(devices[0], { ifindex: 1, name: "lo", hardware: LOOPBACK });
  assert.equal(new Set(devices.map((device) => device.ifindex)).size, devices.length);
});

/** Inodes of a /proc whose process 1 is the first of the host. */
const HOST: Readonly<Record<string, number>> = {
  "/proc/self/ns/net": 5,
  "/proc/1/ns/pid": 0xeffffffc,
  "/proc/1/ns/net": 3,
};

Deno.test("networkNamespaces() takes the host's from its process 1", () => {
  assert.deepEqual(networkNamespaces((path) => HOST[path]!), { current: 5, initial: 3 });
});

Deno.test("networkNamespaces() takes no container's process 1 for the host's", () => {
  const container = { ...HOST, "/proc/1/ns/pid": 0xf0000123 };
  const inode = (path: string): number => container[path as keyof typeof container]!;
  assert.deepEqual(networkNamespaces(inode), { current: 5, initial: null });
});

Deno.test("networkNamespaces() takes nothing for granted where process 1 is closed", () => {
  for (const closed of ["/proc/1/ns/net", "/proc/1/ns/pid"]) {
    const denied = (path: string): number => {
      if (path === closed) throw new Deno.errors.PermissionDenied("no");
      return HOST[path]!;
    };
    assert.deepEqual(networkNamespaces(denied), { current: 5, initial: null });
  }
});

Deno.test("namespaceOfFile() reads the number of a network namespace, and of nothing else", () => {
  const link = Deno.readLinkSync("/proc/self/ns/net");
  assert.equal(`net:[${namespaceOfFile("/proc/self/ns/net")}]`, link);
  const before = openDescriptors("/");
  for (const path of ["/proc/self/ns/pid", "/etc/passwd", "/proc/self/none"]) {
    assert.throws(() => namespaceOfFile(path), (error) => {
      assert(error instanceof Failure);
      assert.match(error.message, /^Cannot (open the|use "\/\S+" as a) network namespace/);
      return true;
    });
  }
  assert.equal(openDescriptors("/"), before);
});

Deno.test("networkNamespaces() fails when its own namespace cannot be read", () => {
  const failing = (): number => {
    throw new Error("no /proc");
  };
  assert.throws(
    () => networkNamespaces(failing),
    isFailure("network", /^Cannot read the network namespace \/proc\/self\/ns\/net: no \/proc$/),
  );
});

Deno.test("networkNamespaces() reads this process's namespace", () => {
  const link = Deno.readLinkSync("/proc/self/ns/net");
  assert.equal(`net:[${networkNamespaces().current}]`, link);
});
