import assert from "node:assert/strict";
import { Failure } from "../../src/sys/failure.ts";
import { parseMessages } from "../../src/sys/netlink.ts";
import { type DropLog, readDropLog } from "../../src/vrouter/drop_log.ts";
import { DropReasons } from "../../src/vrouter/drop_reasons.ts";
import { sandeshOf } from "../../src/vrouter/genetlink.ts";
import {
  decodeMessages,
  type SandeshMessage,
  type SandeshValue,
} from "../../src/vrouter/sandesh.ts";
import { isFailure } from "../support/failures.ts";
import { attack } from "../support/hostile.ts";
import {
  answerOf,
  FAMILY_ID,
  familyAnswer,
  moduleMessage,
  PORT,
  response,
  ScriptedTransport,
} from "./fake_module.ts";
import { DROP_REASONS } from "./module_enums.ts";
import { vector } from "./vectors.ts";

const FULL = "droplog_core1-03-rsp";
const EMPTY = "droplog_core1-05-rsp";
const PAGES = 10;
const reasons = new DropReasons(DROP_REASONS);

/** Answers of a module with as many pages: the captured first one, and empty ones. */
function pages(...names: string[]): ScriptedTransport {
  return new ScriptedTransport([
    [vector("dropstats-01-rsp")],
    ...names.map((name) => [vector(name)]),
  ]);
}

function ring(first: string): string[] {
  return [first, ...Array<string>(PAGES - 1).fill(EMPTY)];
}

/** The captured page with other values of some fields. */
function page(changes: Readonly<Record<number, SandeshValue>>): SandeshMessage {
  const [, message] = decodeMessages(sandeshOf(parseMessages(vector(FULL))[0]!.payload));
  return {
    name: message!.name,
    fields: message!.fields.map(({ id, value }) => ({ id, value: changes[id] ?? value })),
  };
}

function readPages(...changes: Readonly<Record<number, SandeshValue>>[]): DropLog {
  const answers = changes.map((one) => answerOf([response(0), page(one)]));
  return readDropLog(new ScriptedTransport([familyAnswer(), ...answers]), 0);
}

const i16 = (value: number): SandeshValue => ({ type: "i16", value });
const bytes = (length: number): SandeshValue => ({
  type: "list",
  element: "byte",
  items: Array.from({ length }, () => ({ type: "byte", value: 1 })),
});

Deno.test("readDropLog() reads what dropstats --log 1 printed", () => {
  const { enabled, records } = readDropLog(pages(...ring(FULL)), 0);
  assert.ok(enabled);
  const printed = records.map((record) => [
    record.slot,
    record.seconds,
    record.type,
    reasons.reason(record.reason).label,
    record.source.join("."),
    record.destination.join("."),
    record.line,
  ]);
  assert.deepEqual(printed, [
    [0, 1795624400, "IP", "No L2 Route", "10.1.1.1", "10.1.1.50", 984],
    [1, 1795624401, "IP", "No L2 Route", "10.1.1.1", "10.1.1.50", 984],
    [2, 1795624404, "IP", "Duplicate", "10.1.1.1", "10.1.3.3", 703],
    [3, 1795624405, "IP", "Duplicate", "10.1.1.1", "10.1.3.3", 703],
    [4, 1795624408, "IP", "Invalid VNID", "172.16.0.2", "172.16.0.1", 54],
    [5, 1795624409, "IP", "Invalid VNID", "172.16.0.2", "172.16.0.1", 54],
    [6, 1795624410, "UNKNOWN", "Invalid Label", "", "", 288],
    [7, 1795624412, "UNKNOWN", "Invalid Label", "", "", 288],
  ]);
});

Deno.test("readDropLog() asks for each page, and for each CPU, once", () => {
  const transport = pages(...ring(FULL), ...ring(EMPTY));
  const { records } = readDropLog(transport);
  assert.deepEqual(new Set(records.map(({ cpu }) => cpu)), new Set([0]));
  const asked = transport.sent.slice(1).map(({ payload }) => {
    const [request] = decodeMessages(sandeshOf(payload));
    return request!.fields.map(({ value }) => "value" in value ? value.value : value);
  });
  const expected = [1, 2].flatMap((core) =>
    Array.from({ length: PAGES }, (_, index) => [1, core, 20 * index])
  );
  assert.deepEqual(asked, expected);
});

Deno.test("readDropLog() reads ports, bytes and IPv6 addresses", () => {
  const record = new Uint8Array(168);
  const view = new DataView(record.buffer);
  view.setBigInt64(0, 5n, true);
  record[8] = 3;
  view.setUint16(10, 11, true);
  view.setUint16(12, 4, true);
  view.setUint32(16, 21, true);
  record[20] = 0xfd;
  record[51] = 9;
  view.setUint16(52, 40112);
  view.setUint16(54, 443);
  view.setUint32(56, 80, true);
  view.setUint32(60, 1144, true);
  view.setUint16(64, 2, true);
  record.set([0x60, 0x01, 0xee], 66);
  const items = Array.from(
    record,
    (value) => ({ type: "byte", value: value << 24 >> 24 } as const),
  );
  const list: SandeshValue = { type: "list", element: "byte", items };
  const { records } = readPages({ 6: i16(1), 9: list });
  assert.deepEqual(records, [{
    cpu: 0,
    slot: 0,
    seconds: 5,
    reason: 11,
    type: "IP6",
    vif: 4,
    nexthop: 21,
    source: Uint8Array.of(0xfd, ...new Uint8Array(15)),
    destination: Uint8Array.of(...new Uint8Array(15), 9),
    sourcePort: 40112,
    destinationPort: 443,
    file: 80,
    line: 1144,
    bytes: Uint8Array.of(0x60, 0x01),
  }]);
});

Deno.test("readDropLog() tells a log that is not written from an empty one", () => {
  const empty = { 5: i16(0), 6: i16(0), 9: bytes(0) };
  assert.deepEqual(readPages({ ...empty, 8: i16(0) }), { enabled: false, records: [] });
  assert.deepEqual(readPages({ ...empty, 7: i16(0) }), { enabled: false, records: [] });
  assert.deepEqual(readPages(empty), { enabled: true, records: [] });
});

Deno.test("readDropLog() refuses records of another layout, and more than there can be", () => {
  const refuse = (changes: Readonly<Record<number, SandeshValue>>, message: RegExp) =>
    assert.throws(() => readPages(changes), isFailure("drop_stats", message));
  refuse({ 9: bytes(200) }, /entries of another layout than vrft knows \(200 bytes\)$/);
  refuse({ 6: i16(1), 9: bytes(336) }, /entries of another layout/);
  refuse({ 5: i16(-1) }, /: -1 CPUs$/);
  refuse({ 5: i16(5000) }, /: 5000 CPUs$/);
  refuse({ 6: i16(-5) }, /: a log of -5 entries$/);
  refuse({ 9: { type: "bool", value: true } }, /field 9 is of type bool$/);
});

Deno.test("readDropLog() of a module that is too old says so", () => {
  const answer = new ScriptedTransport([familyAnswer(), answerOf([response(-1)])]);
  assert.throws(
    () => readDropLog(answer),
    isFailure("drop_stats", /^Cannot read the drop log: .* understand the request; it is too old$/),
  );
  const none = new ScriptedTransport([familyAnswer()]);
  assert.throws(() => readDropLog(none), isFailure("drop_stats", /may be too old/));
});

Deno.test("readDropLog() takes or rejects damaged answers", () => {
  const header = { type: FAMILY_ID, flags: 0, sequence: 0, port: PORT };
  attack({
    title: "Drop log",
    seed: 13,
    originals: [FULL, EMPTY].map((name) => sandeshOf(parseMessages(vector(name))[0]!.payload)),
    use: (damaged) => {
      const rest = Array<Uint8Array[]>(PAGES - 1).fill(
        [vector(EMPTY)].map((datagram) =>
          moduleMessage(header, sandeshOf(parseMessages(datagram)[0]!.payload))
        ),
      );
      const { records } = readDropLog(
        new ScriptedTransport([familyAnswer(), [moduleMessage(header, damaged)], ...rest]),
        0,
      );
      for (const { bytes, slot } of records) assert.ok(bytes.length <= 100 && slot < 0x7fff);
    },
    rejects: (error) => error instanceof Failure && error.kind === "drop_stats",
    runs: 1000,
  });
});
