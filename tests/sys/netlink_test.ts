import assert from "node:assert/strict";
import {
  concatenate,
  encodeAttribute,
  encodeMessage,
  NetlinkClient,
  NetlinkError,
  type NetlinkMessage,
  type NetlinkTransport,
  NLM_F_MULTI,
  parseAttributes,
  parseMessages,
  terminatedString,
} from "../../src/sys/netlink.ts";

const PORT = 4711;

/** A message that answers the first request, with changes. */
function answer(changes: Partial<NetlinkMessage>): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(0);
  return encodeMessage({ type: 20, flags: 0, sequence: 1, port: PORT, payload, ...changes });
}

function code(number: number): Uint8Array {
  return new Uint8Array(new Int32Array([number]).buffer);
}

/** A transport that receives `datagrams` one by one, then times out. */
function transportOf(...datagrams: Uint8Array[]): NetlinkTransport {
  return {
    port: PORT,
    send: () => {},
    receive: () => {
      const datagram = datagrams.shift();
      if (datagram === undefined) throw new NetlinkError("nothing came", 110);
      return datagram;
    },
  };
}

function types(...datagrams: Uint8Array[]): number[] {
  const client = new NetlinkClient(transportOf(...datagrams));
  return client.request(18, 0, new Uint8Array(0)).map((message) => message.type);
}

const MULTI = { flags: NLM_F_MULTI };
const DONE = { type: 3 };

Deno.test("parseMessages() takes several messages from one datagram, padded in between", () => {
  const first = answer({ type: 21, payload: Uint8Array.of(1, 2, 3) });
  const second = answer({ type: 22, flags: 0x302, sequence: 7, port: 9 });
  const messages = parseMessages(concatenate(first, Uint8Array.of(0), second));
  assert.deepEqual(messages, [
    { type: 21, flags: 0, sequence: 1, port: PORT, payload: Uint8Array.of(1, 2, 3) },
    { type: 22, flags: 0x302, sequence: 7, port: 9, payload: new Uint8Array(0) },
  ]);
});

Deno.test("parseMessages() rejects lengths that do not fit", () => {
  const message = answer({ payload: new Uint8Array(8) });
  for (let length = 1; length < message.length; length++) {
    assert.throws(() => parseMessages(message.subarray(0, length)), NetlinkError, `${length}`);
  }
  for (const length of [0, 15, 25, 0xffffffff]) {
    const changed = message.slice();
    new DataView(changed.buffer).setUint32(0, length, true);
    assert.throws(() => parseMessages(changed), (error) => {
      assert(error instanceof NetlinkError);
      assert.equal(error.errno, 74);
      return true;
    });
  }
});

Deno.test("parseAttributes() takes padded attributes and masks the flags of their types", () => {
  const bytes = concatenate(
    encodeAttribute(0x8000 | 3, Uint8Array.of(1)),
    new Uint8Array(3),
    encodeAttribute(4, Uint8Array.of(5, 6)),
  );
  assert.deepEqual(parseAttributes(bytes), [
    { type: 3, value: Uint8Array.of(1) },
    { type: 4, value: Uint8Array.of(5, 6) },
  ]);
});

Deno.test("parseAttributes() rejects lengths that do not fit", () => {
  for (const bytes of [[4], [0, 0, 1, 0], [3, 0, 1, 0], [9, 0, 1, 0, 1, 2, 3, 4]]) {
    assert.throws(() => parseAttributes(Uint8Array.from(bytes)), NetlinkError);
  }
});

Deno.test("terminatedString() ends at the NUL, or at the end", () => {
  assert.equal(terminatedString(Uint8Array.of(0x6c, 0x6f, 0, 0x78)), "lo");
  assert.equal(terminatedString(Uint8Array.of(0x6c, 0x6f)), "lo");
});

Deno.test("request() numbers requests, sets NLM_F_REQUEST, and leaves the port to the kernel", () => {
  const sent: NetlinkMessage[] = [];
  const transport = transportOf(answer({}), answer({ sequence: 2 }));
  transport.send = (datagram) => void sent.push(...parseMessages(datagram));
  const client = new NetlinkClient(transport);
  client.request(18, 0x300, Uint8Array.of(7));
  client.request(19, 0, new Uint8Array(0));
  assert.deepEqual(sent, [
    { type: 18, flags: 0x301, sequence: 1, port: 0, payload: Uint8Array.of(7) },
    { type: 19, flags: 1, sequence: 2, port: 0, payload: new Uint8Array(0) },
  ]);
});

Deno.test("request() ends after one message without NLM_F_MULTI", () => {
  assert.deepEqual(types(answer({ type: 30 }), answer({ type: 31 })), [30]);
});

Deno.test("request() gathers messages with NLM_F_MULTI up to NLMSG_DONE, also in one datagram", () => {
  const first = answer({ ...MULTI, type: 30 });
  const second = answer({ ...MULTI, type: 31 });
  assert.deepEqual(types(first, second, answer(DONE)), [30, 31]);
  assert.deepEqual(types(concatenate(first, second, answer(DONE))), [30, 31]);
  assert.deepEqual(types(answer({ ...DONE, payload: code(0) })), []);
});

Deno.test("request() takes an ACK for an answer without data, and passes over NLMSG_NOOP", () => {
  assert.deepEqual(types(answer({ type: 1 }), answer({ type: 2, payload: code(0) })), []);
});

Deno.test("request() passes over other sequence numbers and ports", () => {
  const late = answer({ type: 40, sequence: 0 });
  const foreign = answer({ type: 2, port: 1, payload: code(-1) });
  assert.deepEqual(types(late, foreign, answer({ type: 30 })), [30]);
});

const FAILING: readonly { name: string; datagram: Uint8Array; errno: number; message: string }[] = [
  {
    name: "the kernel's error",
    datagram: answer({ type: 2, payload: code(-95) }),
    errno: 95,
    message: "Operation not supported",
  },
  {
    name: "a dump that fails midway",
    datagram: answer({ ...DONE, payload: code(-12) }),
    errno: 12,
    message: "Cannot allocate memory",
  },
  {
    name: "an error without its code",
    datagram: answer({ type: 2 }),
    errno: 74,
    message: "the answer is malformed: an error message without its code",
  },
  {
    name: "an error code that is no errno",
    datagram: answer({ type: 2, payload: code(-0x80000000) }),
    errno: 74,
    message: "the answer is malformed: an error with the code -2147483648",
  },
  {
    name: "lost data",
    datagram: answer({ type: 4 }),
    errno: 105,
    message: "the kernel reports that data was lost",
  },
  {
    name: "an answer that ends in the middle",
    datagram: answer(MULTI),
    errno: 110,
    message: "nothing came",
  },
];

for (const { name, datagram, errno, message } of FAILING) {
  Deno.test(`request() fails with errno ${errno} for ${name}`, () => {
    assert.throws(() => types(datagram), (error) => {
      assert(error instanceof NetlinkError);
      assert.equal(error.errno, errno);
      assert.equal(error.message, message);
      return true;
    });
  });
}

Deno.test("request() gives up on an answer without end", () => {
  const endless = { port: PORT, send: () => {}, receive: () => answer(MULTI) };
  const client = new NetlinkClient(endless);
  assert.throws(
    () => client.request(18, 0, new Uint8Array(0)),
    /it does not end within \d+ datagrams/,
  );
});

Deno.test("request() gives up on an answer of more bytes than its limit", () => {
  const part = answer({ ...MULTI, payload: new Uint8Array(984) });
  const ask = (limit?: number): number => {
    const transport = transportOf(...Array.from({ length: 4 }, () => part), answer(DONE));
    return new NetlinkClient(transport).request(18, 0, new Uint8Array(0), limit).length;
  };
  assert.equal(ask(), 4);
  assert.equal(ask(4016), 4);
  assert.throws(() => ask(4015), /^NetlinkError: the answer is malformed: .* within 4015 bytes/);

  // Without a limit of its own, and with messages for others, whose number counts as well.
  let received = 0;
  const large = concatenate(...Array.from({ length: 1000 }, () => part));
  const endless = { port: PORT + 1, send: () => {}, receive: () => (received++, large) };
  assert.throws(
    () => new NetlinkClient(endless).request(18, 0, new Uint8Array(0)),
    /within 67108864 bytes/,
  );
  assert.equal(received, 68);
});
