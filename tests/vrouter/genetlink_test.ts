import assert from "node:assert/strict";
import {
  align4,
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
import { lookUpFamily, requestSandesh, sandeshOf } from "../../src/vrouter/genetlink.ts";
import {
  done,
  FAMILY_ID,
  familyAnswer,
  moduleMessage,
  netlinkError,
  PORT,
  ScriptedTransport,
} from "./fake_module.ts";
import { vector, vectorNames } from "./vectors.ts";

const GENERIC_HEADER = Uint8Array.of(1, 0, 0, 0);

Deno.test("every captured datagram is taken apart and put together to the same bytes", () => {
  const names = vectorNames();
  assert.equal(names.length, 47);
  for (const name of names) {
    const datagram = vector(name);
    const [message, ...rest] = parseMessages(datagram);
    assert.deepEqual(rest, [], name);
    assert(message !== undefined);
    let rebuilt: Uint8Array;
    if (message.type >= FAMILY_ID) {
      const sandesh = sandeshOf(message.payload);
      rebuilt = name.endsWith("-req")
        ? encodeMessage({
          ...message,
          payload: concatenate(GENERIC_HEADER, encodeAttribute(1, sandesh)),
        })
        : moduleMessage(message, sandesh);
    } else {
      const attributes = parseAttributes(message.payload.subarray(4)).map(({ type, value }) => {
        const attribute = encodeAttribute(type, value);
        return concatenate(attribute, new Uint8Array(align4(attribute.length) - attribute.length));
      });
      const payload = concatenate(message.payload.subarray(0, 4), ...attributes);
      rebuilt = encodeMessage({ ...message, payload });
    }
    assert.equal(rebuilt.toHex(), datagram.toHex(), name);
  }
});

Deno.test("lookUpFamily() asks as captured, and finds the id in the captured answer", () => {
  const transport = new ScriptedTransport([familyAnswer()]);
  assert.equal(lookUpFamily(new NetlinkClient(transport), "vrouter"), FAMILY_ID);
  const captured = parseMessages(vector("vif_list-00-req"))[0]!;
  assert.deepEqual(transport.sent, [{ ...captured, sequence: 1 }]);
});

Deno.test("lookUpFamily() passes on the kernel's errno for an unknown family", () => {
  const client = new NetlinkClient(new ScriptedTransport([[netlinkError(-2)]]));
  assert.throws(() => lookUpFamily(client, "vrouter"), (error) => {
    assert(error instanceof NetlinkError);
    assert.equal(error.errno, 2);
    assert.equal(error.message, "No such file or directory");
    return true;
  });
});

Deno.test("lookUpFamily() rejects an answer about another family", () => {
  const client = new NetlinkClient(new ScriptedTransport([familyAnswer()]));
  assert.throws(() => lookUpFamily(client, "nl80211"), /does not describe the family "nl80211"/);
});

Deno.test("lookUpFamily() rejects an answer without the id, and an impossible id", () => {
  const named = encodeAttribute(2, new TextEncoder().encode("vrouter\0"));
  for (const id of [new Uint8Array(0), encodeAttribute(1, Uint8Array.of(15, 0))]) {
    const answer = encodeMessage({
      type: 16,
      flags: 0,
      sequence: 0,
      port: PORT,
      payload: concatenate(GENERIC_HEADER, named, id),
    });
    const client = new NetlinkClient(new ScriptedTransport([[answer]]));
    assert.throws(() => lookUpFamily(client, "vrouter"), /^NetlinkError: the answer is malformed/);
  }
});

Deno.test("requestSandesh() makes nla_len exact, without padding", () => {
  const transport = new ScriptedTransport([[done()]]);
  requestSandesh(new NetlinkClient(transport), FAMILY_ID, Uint8Array.of(1, 2, 3, 4, 5));
  assert.deepEqual(transport.sent, [{
    type: FAMILY_ID,
    flags: 1,
    sequence: 1,
    port: 0,
    payload: Uint8Array.of(1, 0, 0, 0, 9, 0, 1, 0, 1, 2, 3, 4, 5),
  }]);
});

Deno.test("requestSandesh() gives the payload of each message up to NLMSG_DONE", () => {
  const names = ["vif_list-03-rsp", "vif_list-04-rsp", "vif_list-05-rsp"];
  const transport = new ScriptedTransport([names.map(vector)]);
  const payloads = requestSandesh(new NetlinkClient(transport), FAMILY_ID, new Uint8Array(0));
  assert.deepEqual(payloads.map((payload) => payload.length), [30, 3792]);
});

Deno.test("requestSandesh() ends after a single message without NLM_F_MULTI", () => {
  const transport = new ScriptedTransport([[vector("vif_list-03-rsp")]]);
  const single = moduleMessage(
    { type: FAMILY_ID, flags: 0, sequence: 0, port: PORT },
    GENERIC_HEADER,
  );
  const other = new ScriptedTransport([[single, vector("vif_list-03-rsp")]]);
  assert.deepEqual(requestSandesh(new NetlinkClient(other), FAMILY_ID, new Uint8Array(0)), [
    GENERIC_HEADER,
  ]);
  // With the flag it goes on waiting for the end.
  assert.throws(
    () => requestSandesh(new NetlinkClient(transport), FAMILY_ID, new Uint8Array(0)),
    /^NetlinkError: nothing came/,
  );
});

Deno.test("requestSandesh() rejects a message of another family in its answer", () => {
  const foreign = moduleMessage({ type: 40, flags: 0, sequence: 0, port: PORT }, GENERIC_HEADER);
  const client = new NetlinkClient(new ScriptedTransport([[foreign]]));
  assert.throws(
    () => requestSandesh(client, FAMILY_ID, new Uint8Array(0)),
    /a message of type 40/,
  );
});

Deno.test("requestSandesh() gives up on an answer much longer than the module's pages", () => {
  const header = { type: FAMILY_ID, flags: NLM_F_MULTI, sequence: 0, port: PORT };
  const page = moduleMessage(header, new Uint8Array(3968));
  let received = 0;
  const transport: NetlinkTransport = {
    port: PORT,
    send: () => {},
    receive: () => {
      received++;
      return encodeMessage({ ...parseMessages(page)[0]!, sequence: 1 });
    },
  };
  assert.throws(
    () => requestSandesh(new NetlinkClient(transport), FAMILY_ID, new Uint8Array(0)),
    /^NetlinkError: the answer is malformed: it does not end within 262144 bytes/,
  );
  assert.equal(received, 66);
});

Deno.test("sandeshOf() tells nla_len with the attribute's header from nla_len without it", () => {
  for (let length = 0; length < 40; length++) {
    const sandesh = Uint8Array.from({ length }, (_, index) => index + 1);
    const header = { type: FAMILY_ID, flags: 0, sequence: 9, port: PORT };
    const odd = parseMessages(moduleMessage(header, sandesh))[0]!.payload;
    assert.deepEqual(sandeshOf(odd), sandesh, `odd, ${length} bytes`);
    const exact = concatenate(GENERIC_HEADER, encodeAttribute(1, sandesh));
    assert.deepEqual(sandeshOf(exact), sandesh, `regular, ${length} bytes`);
    const padded = concatenate(exact, new Uint8Array(align4(length) - length));
    assert.deepEqual(sandeshOf(padded), sandesh, `regular and padded, ${length} bytes`);
  }
});

Deno.test("sandeshOf() rejects a length that fits neither way", () => {
  for (const length of [0, 1, 3, 12, 21, 40, 65535]) {
    const payload = new Uint8Array(8 + 16);
    new DataView(payload.buffer).setUint16(4, length, true);
    assert.throws(
      () => sandeshOf(payload),
      /an attribute of \d+ bytes where 16 are left/,
      `${length}`,
    );
  }
  assert.throws(() => sandeshOf(new Uint8Array(7)), /a message without attribute/);
});
