import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { Failure } from "../../src/sys/failure.ts";
import {
  encodeMessage,
  NetlinkError,
  type NetlinkTransport,
  parseMessages,
} from "../../src/sys/netlink.ts";
import { listVifs, readVifs, VrouterAbsentError } from "../../src/vrouter/interfaces.ts";
import type { SandeshMessage } from "../../src/vrouter/sandesh.ts";
import {
  answerOf,
  capturedDump,
  done,
  FakeModule,
  FAMILY_ID,
  familyAnswer,
  moduleMessage,
  namedVif,
  netlinkError,
  PORT,
  response,
  ScriptedTransport,
  vifRecord,
} from "./fake_module.ts";
import { mutate } from "../support/mutate.ts";
import { forRandomCases } from "../support/property.ts";
import { vector } from "./vectors.ts";
import { testUnless } from "../support/skip.ts";

const INCOMPLETE = 0x40000000;

/** The message of the failure that listing over `transport` ends in. */
function failureOf(transport: NetlinkTransport): string {
  try {
    listVifs(transport);
  } catch (error) {
    assert(error instanceof Failure, String(error));
    assert.equal(error.kind, "vifs");
    return error.message;
  }
  throw new assert.AssertionError({ message: "listVifs() did not fail" });
}

/** The same for an answer of the module to the first dump request. */
function failureOfAnswer(...structs: SandeshMessage[][]): string {
  return failureOf(new ScriptedTransport([familyAnswer(), answerOf(...structs)]));
}

Deno.test("listVifs() reads the captured table across its pages, index 0 included", () => {
  const transport = new ScriptedTransport(capturedDump());
  const devices = [{ name: "fab0", ifindex: 10 }, { name: "eth9", ifindex: 99 }];
  const vifs = listVifs(transport, devices);
  assert.deepEqual(
    vifs.map((vif) => [vif.index, vif.name, vif.type, vif.ifindex, vif.vrf]),
    [
      [0, "fab0", "physical", 10, 0],
      [1, "tap1", "virtual", 5, 1],
      [2, "tap2", "virtual", 6, 1],
      [3, "vhost0", "host", 12, 0],
      [4, "pkt0", "agent", 11, 65535],
      [4353, "pkt3", "stats", 3, 65535],
      [4354, "pkt1", "stats", 2, 65535],
    ],
  );
  assert.deepEqual(vifs[0], {
    index: 0,
    name: "fab0",
    device: "fab0",
    ifindex: 10,
    type: "physical",
    vrf: 0,
    flags: 0x2e0,
    rxPackets: 20,
    rxBytes: 2314,
    txPackets: 14,
    txBytes: 1526,
    drops: 12,
    addresses: vifs[0]!.addresses,
  });
  assert.equal(vifs[1]!.device, null);
});

Deno.test("listVifs() asks for the family, then for each page behind the last vif", () => {
  const transport = new ScriptedTransport(capturedDump());
  listVifs(transport);
  const request = (marker: string): string =>
    // Generic header; attribute of 46 bytes; name; h_op 3; core 0; marker; stop.
    "01000000" + "2e000100" + "00000010" + "76725f696e746572666163655f726571" +
    "08000100000003" + "14000200000000" + "080025" + marker + "00";
  assert.deepEqual(
    transport.sent.map((message) => [message.type, message.payload.toHex()]),
    [
      [16, "03000000" + "0c000200" + "76726f7574657200"],
      [FAMILY_ID, request("ffffffff")],
      [FAMILY_ID, request("00000004")],
    ],
  );
});

Deno.test("listVifs() reads 500 vifs in pages of the module's size", () => {
  const records = Array.from({ length: 500 }, (_, index) => namedVif(index * 2, `tap${index}`));
  const module = new FakeModule(records);
  const vifs = listVifs(module);
  assert.equal(vifs.length, 500);
  assert.deepEqual(vifs.map((vif) => vif.index), records.map((_, index) => index * 2));
  assert.equal(vifs[499]!.name, "tap499");
  assert.equal(module.markers.length, 100);
  assert.deepEqual(module.markers.slice(0, 3), [-1, 8, 18]);
});

Deno.test("listVifs() gives no vifs for an empty table, one message without NLMSG_DONE", () => {
  assert.deepEqual(listVifs(new FakeModule([])), []);
});

Deno.test("listVifs() asks on when a page ends exactly at the table's end", () => {
  const transport = new ScriptedTransport([
    familyAnswer(),
    answerOf([response(1 | INCOMPLETE)], [namedVif(0, "tap0")]),
    answerOf([response(0)]),
  ]);
  assert.equal(listVifs(transport).length, 1);
  assert.equal(transport.sent.length, 3);
});

Deno.test("listVifs() takes response and vifs from one message as well", () => {
  const answer = answerOf([response(1), namedVif(7, "tap7")]);
  const transport = new ScriptedTransport([familyAnswer(), answer]);
  assert.deepEqual(listVifs(transport).map((vif) => vif.name), ["tap7"]);
});

Deno.test("listVifs() takes several messages from one datagram", () => {
  const answer = capturedDump()[1]!.map((datagram) => datagram.slice());
  // Only the first header of a datagram is addressed by the transport.
  for (const datagram of answer) new DataView(datagram.buffer).setUint32(8, 2, true);
  const joined = Uint8Array.from(answer.flatMap((datagram) => [...datagram]));
  const transport = new ScriptedTransport([familyAnswer(), [joined], capturedDump()[2]!]);
  assert.equal(listVifs(transport).length, 7);
});

Deno.test("listVifs() passes over structs that are no vifs, such as drop statistics", () => {
  const drops: SandeshMessage = { name: "vr_drop_stats_req", fields: [] };
  const answer = answerOf([response(1)], [namedVif(1, "tap1"), drops]);
  const transport = new ScriptedTransport([familyAnswer(), answer]);
  assert.equal(listVifs(transport).length, 1);
});

Deno.test("listVifs() writes every type of vif in lower case, and the number of others", () => {
  const types = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1];
  const records = types.map((type, index) =>
    vifRecord({ 3: { type: "i32", value: type }, 6: { type: "i32", value: index } })
  );
  assert.deepEqual(listVifs(new FakeModule(records)).map((vif) => vif.type), [
    ...["host", "agent", "physical", "virtual", "xenll", "gateway", "virtual-vlan", "stats"],
    ...["vlan", "monitoring", "type 10", "type -1"],
  ]);
});

Deno.test("listVifs() gives 0 for the ifindex of a vif without device, and no name", () => {
  for (const none of [0, -1]) {
    const record = vifRecord({ 8: { type: "i32", value: none } });
    const [vif] = listVifs(new FakeModule([record]), [{ name: "eth0", ifindex: 1 }]);
    assert.equal(vif!.ifindex, 0);
    assert.equal(vif!.device, null);
  }
});

Deno.test("listVifs() reads flags and counters as unsigned", () => {
  const record = vifRecord({
    4: { type: "i32", value: -0x80000000 },
    12: { type: "i64", value: -1n },
    58: { type: "u64", value: 2n ** 53n },
  });
  const [vif] = listVifs(new FakeModule([record]));
  assert.equal(vif!.flags, 0x80000000);
  assert.equal(vif!.rxPackets, 2 ** 64);
  assert.equal(vif!.drops, 2 ** 53);
});

Deno.test("listVifs() takes absent fields as 0, and a name up to its NUL", () => {
  const record: SandeshMessage = {
    name: "vr_interface_req",
    fields: [
      { id: 6, value: { type: "i32", value: 3 } },
      { id: 10, value: { type: "string", value: new TextEncoder().encode("tap3\0x") } },
      { id: 9999, value: { type: "struct", fields: [] } },
    ],
  };
  const transport = new ScriptedTransport([familyAnswer(), answerOf([response(1)], [record])]);
  assert.deepEqual(listVifs(transport), [{
    index: 3,
    name: "tap3",
    device: null,
    ifindex: 0,
    type: "host",
    vrf: 0,
    flags: 0,
    rxPackets: 0,
    rxBytes: 0,
    txPackets: 0,
    txBytes: 0,
    drops: 0,
    addresses: [],
  }]);
});

Deno.test("listVifs() reads the addresses that a vif has", () => {
  const record: SandeshMessage = {
    name: "vr_interface_req",
    fields: [
      { id: 6, value: { type: "i32", value: 3 } },
      {
        id: 38,
        value: {
          type: "list",
          element: "byte",
          items: [2, 0, 0, 0, 1, -1].map((value) => ({ type: "byte", value })),
        },
      },
      // Numbers whose bytes are in network order in the memory of a little-endian machine.
      { id: 39, value: { type: "u32", value: 0x0201010a } },
      { id: 40, value: { type: "u64", value: 0xb80d0120n } },
      { id: 41, value: { type: "u64", value: 0x0100_0000_0000_0000n } },
    ],
  };
  const transport = new ScriptedTransport([familyAnswer(), answerOf([response(1)], [record])]);
  const [vif] = listVifs(transport);
  assert.deepEqual(vif!.addresses.map((address) => address.toHex()), [
    "0200000001ff",
    "0a010102",
    "20010db8000000000000000000000001",
  ]);
});

Deno.test("listVifs() says that the module is absent, and names --no-vrouter", () => {
  const transport = new ScriptedTransport([[netlinkError(-2)]]);
  assert.throws(() => listVifs(transport), (error) => {
    assert(error instanceof VrouterAbsentError);
    assert.equal(error.kind, "vrouter_absent");
    assert.match(error.message, /vrouter kernel module is not loaded.*--no-vrouter/);
    assert(error.cause instanceof NetlinkError);
    return true;
  });
});

testUnless(
  existsSync("/sys/module/vrouter") ? "the vrouter module is loaded" : "",
  "readVifs() says that the module is absent, on a kernel without it",
  () => void assert.throws(() => readVifs(), VrouterAbsentError),
);

Deno.test("listVifs() says that root is needed when the kernel answers EPERM", () => {
  const transport = new ScriptedTransport([familyAnswer(), [netlinkError(-1)]]);
  assert.match(failureOf(transport), /without CAP_NET_ADMIN: run vrft as root/);
});

Deno.test("listVifs() tells the errno that the module answers with", () => {
  // The captured answer to a vif that does not exist.
  const transport = new ScriptedTransport([familyAnswer(), [vector("vif_get77_enoent-00-rsp")]]);
  assert.equal(
    failureOf(transport),
    "Cannot list the vifs: the vrouter module refuses: No such file or directory (-2)",
  );
});

Deno.test("listVifs() does not take any negative number for an errno", () => {
  assert.match(failureOfAnswer([response(-4095)]), /the vrouter module refuses: .* \(-4095\)$/);
  for (const code of [-4096, -0x80000000]) {
    assert.match(
      failureOfAnswer([response(code)]),
      new RegExp(`invalid answer from the vrouter module: it refuses with code ${code}$`),
    );
  }
});

Deno.test("listVifs() does not take the module's -1 for missing rights", () => {
  assert.equal(
    failureOfAnswer([response(-1)]),
    "Cannot list the vifs: the vrouter module does not understand the request",
  );
});

Deno.test("listVifs() ends when the module repeats a page for ever", () => {
  const page = answerOf([response(1 | INCOMPLETE)], [namedVif(4, "tap4")]);
  const transport = new ScriptedTransport([familyAnswer(), ...Array(10).fill(page)]);
  assert.match(
    failureOf(transport),
    /invalid answer from the vrouter module: vif 4 follows vif 4$/,
  );
  assert.equal(transport.sent.length, 3);
});

Deno.test("listVifs() ends when an empty page announces more", () => {
  const page = answerOf([response(INCOMPLETE)]);
  const transport = new ScriptedTransport([familyAnswer(), ...Array(10).fill(page)]);
  assert.match(failureOf(transport), /an empty page, though more should follow$/);
  assert.equal(transport.sent.length, 2);
});

Deno.test("listVifs() rejects vifs out of order, and indexes that cannot be", () => {
  const page = (...indexes: number[]): SandeshMessage[][] => [
    [response(indexes.length)],
    indexes.map((index) => namedVif(index, "tap")),
  ];
  assert.match(failureOfAnswer(...page(3, 2)), /vif 2 follows vif 3$/);
  assert.match(failureOfAnswer(...page(-1)), /vif -1 follows vif -1$/);
  assert.match(failureOfAnswer(...page(65536)), /vif 65536 follows vif -1$/);
});

Deno.test("listVifs() notices vifs that are announced and missing", () => {
  assert.match(
    failureOfAnswer([response(3)], [namedVif(0, "tap0"), namedVif(1, "tap1")]),
    /it announces 3 vifs but has 2$/,
  );
});

Deno.test("listVifs() rejects an answer without vr_response, and an empty one", () => {
  assert.match(failureOfAnswer([namedVif(0, "tap0")]), /does not start with vr_response$/);
  const empty = new ScriptedTransport([familyAnswer(), [done()]]);
  assert.match(failureOf(empty), /does not start with vr_response$/);
});

Deno.test("listVifs() rejects a vif without index, and fields of the wrong type", () => {
  const withoutIndex: SandeshMessage = { name: "vr_interface_req", fields: [] };
  assert.match(failureOfAnswer([response(1)], [withoutIndex]), /a vif without index$/);
  const bytes = new Uint8Array(0);
  for (const id of [3, 4, 5, 6, 8, 11, 12, 14, 15, 58]) {
    assert.match(
      failureOfAnswer([response(1)], [vifRecord({ [id]: { type: "string", value: bytes } })]),
      new RegExp(`field ${id} is of type string$`),
    );
  }
  assert.match(
    failureOfAnswer([response(1)], [vifRecord({ 10: { type: "i32", value: 1 } })]),
    /field 10 is of type i32$/,
  );
});

Deno.test("listVifs() takes names as long as the module's, and none that are longer", () => {
  const answer = (length: number): SandeshMessage[][] => [[response(1)], [
    namedVif(1, "a".repeat(length)),
  ]];
  const transport = new ScriptedTransport([familyAnswer(), answerOf(...answer(64))]);
  assert.equal(listVifs(transport)[0]!.name, "a".repeat(64));
  assert.match(
    failureOfAnswer(...answer(65)),
    /invalid answer from the vrouter module: a name of 65 bytes/,
  );
});

Deno.test("listVifs() tells at which byte the answer stops making sense", () => {
  const header = { type: FAMILY_ID, flags: 0, sequence: 0, port: PORT };
  const garbage = moduleMessage(header, Uint8Array.of(0, 0, 0, 1, 0x6d, 99));
  assert.equal(
    failureOf(new ScriptedTransport([familyAnswer(), [garbage]])),
    "Cannot list the vifs: invalid answer from the vrouter module: Unknown type 99 at byte 5",
  );
});

Deno.test("listVifs() passes on that no answer came", () => {
  assert.equal(
    failureOf(new ScriptedTransport([])),
    "Cannot list the vifs: nothing came within 0 s",
  );
});

Deno.test("listVifs() passes over late answers, other ports and notifications", () => {
  const [family, first, second] = capturedDump();
  const late = encodeMessage({ ...parseMessages(first![0]!)[0]!, sequence: 77 });
  const foreign = encodeMessage({ ...parseMessages(first![1]!)[0]!, sequence: 2, port: 1 });
  const transport = new ScriptedTransport([family!, first!, second!]);
  const receive = transport.receive.bind(transport);
  const noise = [late, foreign];
  transport.receive = (): Uint8Array => {
    const next = transport.sent.length === 2 ? noise.shift() : undefined;
    return next ?? receive();
  };
  assert.equal(listVifs(transport).length, 7);
  assert.deepEqual(noise, []);
});

Deno.test("listVifs() takes mutated answers or fails as expected, and never hangs", () => {
  const answers = [
    familyAnswer(),
    answerOf([response(2 | INCOMPLETE)], [
      namedVif(0, "fab0"),
      { name: "vr_interface_req", fields: namedVif(3, "tap3").fields.slice(0, 12) },
    ]),
    answerOf([response(1)], [namedVif(9, "tap9")]),
  ];
  let taken = 0;
  let failed = 0;
  forRandomCases(11, (random) => {
    const chosen = random.int(answers.length);
    const script = answers.map((datagrams, index) => {
      if (index !== chosen) return datagrams;
      const at = random.int(datagrams.length);
      return datagrams.map((datagram, number) =>
        number === at ? mutate(datagram, random) : datagram
      );
    });
    try {
      listVifs(new ScriptedTransport(script));
      taken++;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failed++;
    }
  });
  assert(taken > 0 && failed > 0, `${taken} taken, ${failed} failed`);
});
