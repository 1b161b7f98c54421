import assert from "node:assert/strict";
import { NETLINK_GENERIC, NetlinkSocket } from "../../../src/sys/netlink_socket.ts";
import { NetlinkClient } from "../../../src/sys/netlink.ts";
import { lookUpFamily } from "../../../src/vrouter/genetlink.ts";
import {
  decodeMessages,
  encodeMessages,
  type SandeshField,
  type SandeshMessage,
  type SandeshValue,
} from "../../../src/vrouter/sandesh.ts";
import { readNexthops } from "../../../src/vrouter/nexthops.ts";
import { vector } from "../../vrouter/vectors.ts";
import { ask, deleteNexthop, numberOf } from "./requests.ts";
import { must } from "./support.ts";
import { viewOf } from "../../../src/sys/view.ts";

/** Where the payload starts: behind nlmsghdr, genlmsghdr and the attribute's header. */
const PAYLOAD = 24;
const TYPE = 4;
const PORT = 12;
const ATTRIBUTE_LENGTH = 20;

/**
 * Fields of vr_interface_req whose values belong to the machine: type, flags, vrf, ifindex, MTU,
 * counters, references, MAC, speed, duplex, nexthop.
 */
const MACHINE = new Set([
  3,
  4,
  5,
  8,
  9,
  11,
  12,
  13,
  14,
  15,
  16,
  19,
  20,
  21,
  22,
  36,
  38,
  44,
  45,
  48,
  58,
]);

/** Sends a captured request as it is, and returns as many datagrams. */
function exchange(request: string, answers: number): Uint8Array[] {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  const family = lookUpFamily(new NetlinkClient(socket), "vrouter");
  const bytes = vector(request);
  viewOf(bytes).setUint16(TYPE, family, true);
  socket.send(bytes);
  return Array.from({ length: answers }, () => socket.receive().slice());
}

/** `captured` with what belongs to the machine taken from `live`, field by field. */
function adapt(captured: SandeshMessage, live: SandeshMessage): SandeshMessage {
  return {
    name: captured.name,
    fields: captured.fields.map((field, index) => {
      const mine = live.fields[index];
      assert.equal(mine?.id, field.id);
      assert.equal(mine.value.type, field.value.type, `field ${field.id}`);
      return captured.name === "vr_interface_req" && MACHINE.has(field.id) ? mine : field;
    }),
  };
}

/** Asserts that a live answer is the captured one, byte for byte where values are equal. */
function assertAnswer(live: Uint8Array, name: string): void {
  const captured = vector(name);
  const bytes = new Uint8Array(captured);
  const view = viewOf(bytes);
  // Allocated anew on every machine.
  view.setUint32(PORT, viewOf(live).getUint32(PORT, true), true);
  view.setUint16(TYPE, viewOf(live).getUint16(TYPE, true), true);
  if (bytes.length > PAYLOAD) {
    const end = PAYLOAD + view.getUint16(ATTRIBUTE_LENGTH, true);
    const length = viewOf(live).getUint16(ATTRIBUTE_LENGTH, true);
    const messages = decodeMessages(live.subarray(PAYLOAD, PAYLOAD + length));
    const adapted = decodeMessages(bytes.subarray(PAYLOAD, end))
      .map((message, index) => adapt(message, messages[index]!));
    const payload = encodeMessages(adapted);
    assert.equal(payload.length, end - PAYLOAD, `${name}: the records' lengths`);
    bytes.set(payload, PAYLOAD);
  }
  assert.equal(live.toHex(), bytes.toHex(), name);
}

Deno.test("The stand-in answers as the real module was captured, byte for byte", async () => {
  // The captured machine had two vifs more.
  for (const [name, index] of [["vhost0", "3"], ["pkt0", "4"]] as const) {
    await must("ip", "link", "add", name, "type", "dummy");
    await must("vif-add", name, index);
  }
  try {
    const first = exchange("vif_list-02-req", 3);
    assertAnswer(first[0]!, "vif_list-03-rsp");
    assertAnswer(first[1]!, "vif_list-04-rsp");
    assertAnswer(first[2]!, "vif_list-05-rsp");
    const rest = exchange("vif_list-06-req", 3);
    assertAnswer(rest[0]!, "vif_list-07-rsp");
    assertAnswer(rest[1]!, "vif_list-08-rsp");
    assertAnswer(rest[2]!, "vif_list-09-rsp");
    assertAnswer(exchange("vif_get1-02-req", 1)[0]!, "vif_get1-03-rsp");
  } finally {
    for (const name of ["vhost0", "pkt0"]) await must("ip", "link", "del", name);
  }
});

/** Of vr_nexthop_req. */
const [OPERATION, NEXTHOP_ID, OIF, REFERENCES] = [1, 4, 6, 14];
const ADD = 0;
const DUMP = 3;

function withField(message: SandeshMessage, id: number, value: SandeshValue): SandeshMessage {
  const fields = message.fields.map((field) => field.id === id ? { id, value } : field);
  return { ...message, fields };
}

Deno.test("The stand-in lists nexthops as the real module was captured, byte for byte", () => {
  const bytes = vector("nh_list-04-rsp");
  const length = viewOf(bytes).getUint16(ATTRIBUTE_LENGTH, true);
  // A vif that this machine has; and its own nexthops have low numbers.
  const oif: SandeshValue = { type: "list", element: "i32", items: [{ type: "i32", value: 1 }] };
  const captured = decodeMessages(bytes.subarray(PAYLOAD, PAYLOAD + length))
    .map((one) => one.fields.some(isThirdVif) ? withField(one, OIF, oif) : one)
    .filter((one) => numberOf(one, NEXTHOP_ID) > 10);
  assert.equal(captured.length, 14);
  try {
    for (const one of captured) {
      ask(one.name, withField(one, OPERATION, { type: "i32", value: ADD }).fields);
    }
    const listed: SandeshMessage[] = [];
    for (let last = 10;;) {
      // Others may be there, and an answer has no more than fit into a page.
      const page = ask("vr_nexthop_req", [
        { id: 1, value: { type: "i32", value: DUMP } },
        { id: 15, value: { type: "i32", value: last } },
      ]).filter(({ name }) => name === "vr_nexthop_req");
      if (page.length === 0) break;
      listed.push(...page);
      last = numberOf(page.at(-1)!, NEXTHOP_ID);
    }
    const plain = (one: SandeshMessage): string =>
      encodeMessages([withField(one, REFERENCES, { type: "i32", value: 0 })]).toHex();
    const ids = new Set(captured.map((one) => numberOf(one, NEXTHOP_ID)));
    const added = listed.filter((one) => ids.has(numberOf(one, NEXTHOP_ID)));
    assert.deepEqual(added.map(plain), captured.map(plain));
    // Page by page, and all there are.
    const all = new Set(readNexthops().map(({ id }) => id));
    assert.ok(all.has(0) && ids.isSubsetOf(all), [...all].join(" "));
  } finally {
    for (const one of captured.toReversed()) deleteNexthop(numberOf(one, NEXTHOP_ID));
  }
});

function isThirdVif({ id, value }: SandeshField): boolean {
  const [first] = value.type === "list" ? value.items : [];
  return id === OIF && first?.type === "i32" && first.value === 3;
}
