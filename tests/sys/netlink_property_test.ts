import assert from "node:assert/strict";
import {
  concatenate,
  encodeAttribute,
  encodeMessage,
  NetlinkClient,
  NetlinkError,
  type NetlinkTransport,
  NLM_F_MULTI,
  parseAttributes,
  parseMessages,
} from "../../src/sys/netlink.ts";
import { listNetworkDevices } from "../../src/sys/network.ts";
import { viewOf } from "../../src/sys/view.ts";
import { attack } from "../support/hostile.ts";
import { vector, vectorNames } from "../vrouter/vectors.ts";

const PORT = 0xc6;
const MESSAGE_HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** Header of a generic netlink message; an RTM_NEWLINK has one of 16 bytes. */
const GENERIC_HEADER_BYTES = 4;

/** A dump of two links, with its end, in one datagram: NLMSG_DONE carries four bytes. */
function linkDump(): Uint8Array {
  const link = (ifindex: number, name: string): Uint8Array => {
    const header = new Uint8Array(16);
    viewOf(header).setInt32(4, ifindex, true);
    const label = encodeAttribute(3, new TextEncoder().encode(name));
    const payload = concatenate(header, encodeAttribute(4, new Uint8Array(4)), label);
    return encodeMessage({ type: 16, flags: NLM_F_MULTI, sequence: 1, port: PORT, payload });
  };
  const done = { type: 3, flags: NLM_F_MULTI, sequence: 1, port: PORT, payload: new Uint8Array(4) };
  return concatenate(link(1, "lo\0\0"), link(2, "tap9f3c"), Uint8Array.of(0), encodeMessage(done));
}

/** What the kernel says of a request that it refuses: EPERM. */
function refusal(): Uint8Array {
  const payload = Uint8Array.of(0xff, 0xff, 0xff, 0xff, ...new Uint8Array(16));
  return encodeMessage({ type: 2, flags: 0, sequence: 1, port: PORT, payload });
}

/** Receives one datagram, and then that nothing more came. */
function transportOf(datagram: Uint8Array): NetlinkTransport & { readonly requests: number } {
  let received = 0;
  let requests = 0;
  return {
    port: PORT,
    send: () => void requests++,
    get requests(): number {
      return requests;
    },
    receive: () => {
      if (received++ > 0) throw new NetlinkError("nothing came", 110);
      return datagram;
    },
  };
}

/** Whether `part` is a view of `whole`. */
function lies(part: Uint8Array, whole: Uint8Array): boolean {
  return part.buffer === whole.buffer && part.byteOffset >= whole.byteOffset &&
    part.byteOffset + part.length <= whole.byteOffset + whole.length;
}

/** Parses attributes and checks that they are parts of `bytes`, each of which is used once. */
function attributesWithinBounds(bytes: Uint8Array): void {
  const attributes = parseAttributes(bytes);
  let total = 0;
  for (const { type, value } of attributes) {
    assert.ok(type <= 0x3fff && lies(value, bytes));
    total += ATTRIBUTE_HEADER_BYTES + value.length;
  }
  assert.ok(total <= bytes.length);
}

/** Runs what may reject the bytes; that others get to see them, too. */
function unless(parse: () => void): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
  }
}

Deno.test("netlink datagrams that are damaged are taken or rejected, within their bounds", () => {
  attack({
    title: "netlink",
    seed: 16,
    originals: [...vectorNames().map(vector), linkDump(), refusal()],
    use: (bytes, _, random) => {
      const messages = parseMessages(bytes);
      let total = 0;
      for (const { payload } of messages) {
        assert.ok(lies(payload, bytes));
        total += MESSAGE_HEADER_BYTES + payload.length;
        unless(() => attributesWithinBounds(payload));
        unless(() => attributesWithinBounds(payload.subarray(GENERIC_HEADER_BYTES)));
        unless(() => attributesWithinBounds(payload.subarray(MESSAGE_HEADER_BYTES)));
      }
      assert.ok(total <= bytes.length);

      if (messages.length > 0 && random.int(4) > 0) {
        viewOf(bytes).setUint32(8, 1, true);
        viewOf(bytes).setUint32(12, PORT, true);
      }
      unless(() => {
        const answer = new NetlinkClient(transportOf(bytes)).request(18, 0, new Uint8Array(0));
        assert.ok(answer.length <= messages.length);
      });
      unless(() => {
        const transport = transportOf(bytes);
        const devices = listNetworkDevices(transport);
        assert.ok(devices.length <= messages.length && transport.requests <= 4);
        assert.ok(devices.every(({ ifindex }) => ifindex > 0));
      });
    },
    rejects: (error) => error instanceof NetlinkError,
  });
});

Deno.test("parseMessages() and parseAttributes() take as many headers as fit, and no more", () => {
  // The smallest parts there can be, and lengths that would not get on.
  const messages = new Uint8Array(16 * 4096);
  for (let at = 0; at < messages.length; at += 16) messages[at] = 16;
  assert.equal(parseMessages(messages).length, 4096);
  const attributes = new Uint8Array(4 * 4096);
  for (let at = 0; at < attributes.length; at += 4) attributes[at] = 4;
  assert.equal(parseAttributes(attributes).length, 4096);
  messages[16] = 0;
  assert.throws(() => parseMessages(messages), NetlinkError);
  attributes[4] = 0;
  assert.throws(() => parseAttributes(attributes), NetlinkError);
});
