import assert from "node:assert/strict";
import { libc } from "../../src/sys/libc.ts";
import { encodeMessage, NetlinkClient, NetlinkError } from "../../src/sys/netlink.ts";
import { NETLINK_GENERIC, NETLINK_ROUTE, NetlinkSocket } from "../../src/sys/netlink_socket.ts";
import { lookUpFamily } from "../../src/vrouter/genetlink.ts";
import { assertDisposed } from "../support/disposal.ts";

// These talk to the kernel, and need no rights.

Deno.test("NetlinkSocket finds the generic netlink controller's own family", () => {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  assert(socket.port > 0);
  assert.equal(lookUpFamily(new NetlinkClient(socket), "nlctrl"), 16);
});

Deno.test("NetlinkSocket brings the kernel's ENOENT for a family that does not exist", () => {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  assert.throws(() => lookUpFamily(new NetlinkClient(socket), "vrft-none"), (error) => {
    assert(error instanceof NetlinkError);
    assert.equal(error.errno, 2);
    return true;
  });
});

Deno.test("NetlinkSocket gives up when no answer comes in time", () => {
  using socket = new NetlinkSocket(NETLINK_ROUTE, 50);
  // NLMSG_NOOP: the kernel says nothing to it.
  const noop = { type: 1, flags: 1, sequence: 1, port: 0, payload: new Uint8Array(0) };
  socket.send(encodeMessage(noop));
  const start = performance.now();
  assert.throws(() => socket.receive(), (error) => {
    assert(error instanceof NetlinkError);
    assert.equal(error.errno, 110);
    assert.equal(error.message, "the kernel did not answer within 0.05 s");
    return true;
  });
  assert(performance.now() - start >= 45);
  // The timeout is for the whole answer: it does not restart.
  assert.throws(() => socket.receive(), NetlinkError);
});

Deno.test("NetlinkSocket refuses what other sockets send to it", () => {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  const fd = libc().socket(16, 3, NETLINK_GENERIC);
  try {
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, 16, true);
    view.setUint32(4, socket.port, true);
    // ECONNREFUSED with CAP_NET_ADMIN, EPERM at connect() already without.
    const connected = libc().connect(fd, address, address.length);
    assert(connected < 0 || libc().send(fd, new Uint8Array(16), 16n, 0) < 0);
  } finally {
    libc().close(fd);
  }
});

Deno.test("NetlinkSocket closes its file descriptor once", () => {
  const descriptors = (): number => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = descriptors();
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  assert.equal(descriptors(), before + 1);
  socket[Symbol.dispose]();
  socket[Symbol.dispose]();
  assert.equal(descriptors(), before);
  assertDisposed(() => socket.send(new Uint8Array(16)), () => socket.receive());
});

Deno.test("NetlinkSocket tells that the kernel grants no socket of an unknown protocol", () => {
  const before = [...Deno.readDirSync("/proc/self/fd")].length;
  assert.throws(
    () => new NetlinkSocket(9999),
    /^SystemError: Cannot open a netlink socket: Protocol not supported$/,
  );
  assert.equal([...Deno.readDirSync("/proc/self/fd")].length, before);
});
