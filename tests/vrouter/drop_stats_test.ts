import assert from "node:assert/strict";
import { Failure } from "../../src/sys/failure.ts";
import { parseMessages } from "../../src/sys/netlink.ts";
import { sandeshOf } from "../../src/vrouter/genetlink.ts";
import {
  DROP_COUNTERS,
  type DropCount,
  dropCounterFields,
  readDropStats,
  readVifDropStats,
} from "../../src/vrouter/drop_stats.ts";
import { KNOWN_REASONS } from "../../src/vrouter/known_drop_reasons.ts";
import { decodeMessages, type SandeshMessage } from "../../src/vrouter/sandesh.ts";
import { isFailure } from "../support/failures.ts";
import { attack } from "../support/hostile.ts";
import {
  answerOf,
  FAMILY_ID,
  familyAnswer,
  moduleMessage,
  netlinkError,
  PORT,
  response,
  ScriptedTransport,
} from "./fake_module.ts";
import { vector } from "./vectors.ts";

/** A module that answers the family lookup and one request, as captured. */
function captured(name: string): ScriptedTransport {
  return new ScriptedTransport([[vector("dropstats-01-rsp")], [vector(name)]]);
}

function answering(...structs: SandeshMessage[][]): ScriptedTransport {
  return new ScriptedTransport([familyAnswer(), answerOf(...structs)]);
}

/** What dropstats prints: labels with their counts, without zeros. */
function printed(counts: readonly DropCount[]): Record<string, number> {
  return Object.fromEntries(
    counts.filter(({ count }) => count > 0).map(({ label, count }) => [label, count]),
  );
}

/** Values of the fields of the last request. */
function sent(transport: ScriptedTransport): Record<number, unknown> {
  const [request] = decodeMessages(sandeshOf(transport.sent.at(-1)!.payload));
  return Object.fromEntries(
    request!.fields.map(({ id, value }) => [id, "value" in value ? value.value : value]),
  );
}

/** The captured request's value of a field. */
function capturedField(name: string, id: number): unknown {
  const [request] = decodeMessages(sandeshOf(parseMessages(vector(name))[0]!.payload));
  const value = request!.fields.find((field) => field.id === id)!.value;
  return "value" in value ? value.value : value;
}

Deno.test("readDropStats() reads what dropstats printed", () => {
  const transport = captured("dropstats-03-rsp");
  const counts = readDropStats(transport);
  assert.equal(counts.length, KNOWN_REASONS.length);
  // dropstats leaves out Cloned Original without --debug.
  assert.deepEqual(printed(counts), {
    "Discards": 4,
    "Duplicate": 2,
    "Invalid Label": 2,
    "Cloned Original": 22,
    "Invalid VNID": 8,
    "No L2 Route": 2,
  });
  assert.equal(counts[0]!.name, "VP_DROP_DISCARD");
  assert.deepEqual(sent(transport), { 1: 1, 3: capturedField("dropstats-02-req", 3) });
});

Deno.test("readDropStats() asks for a CPU as dropstats --core does", () => {
  const transport = captured("dropstats_core1-03-rsp");
  const { "Discards": discards, "Invalid VNID": vnid } = printed(readDropStats(transport, 1));
  assert.deepEqual([discards, vnid], [4, 6]);
  assert.equal(sent(transport)[3], capturedField("dropstats_core1-02-req", 3));
  for (const cpu of [-1, 0.5, 0x7fff]) {
    assert.throws(() => readDropStats(captured("dropstats-03-rsp"), cpu), RangeError);
  }
});

Deno.test("readVifDropStats() reads what vif --get-drop-stats printed", () => {
  const transport = captured("vif_get1_dropstats-03-rsp");
  assert.deepEqual(printed(readVifDropStats(transport, 1)), {
    "Discards": 4,
    "Duplicate": 2,
    "Cloned Original": 4,
    "No L2 Route": 2,
  });
  const request = sent(transport);
  for (const id of [1, 4, 6, 8]) {
    assert.equal(request[id], capturedField("vif_get1_dropstats-02-req", id), `field ${id}`);
  }
});

Deno.test("readVifDropStats() says that there is no such vif", () => {
  const transport = captured("vif_get77_dropstats_enoent-03-rsp");
  assert.throws(
    () => readVifDropStats(transport, 77),
    isFailure("drop_stats", /^Cannot read the drop counters of vif0\/77: there is no such vif$/),
  );
});

Deno.test("the counters of another release are found by the members of its struct", () => {
  const members = ["h_op", "vds_rid", "vds_core", "vds_discard", "vds_pcpu_stats_failure_status"];
  const counters = KNOWN_REASONS.slice(1).map(({ counter }) => `vds_${counter}`);
  assert.deepEqual(dropCounterFields([...members, ...counters]), DROP_COUNTERS);
  const fields = dropCounterFields([...members, "vds_bad_moon", "vds_pull"]);
  assert.deepEqual([...fields], [
    [4, { name: "VP_DROP_DISCARD", label: "Discards" }],
    [6, { name: "vds_bad_moon", label: "vds_bad_moon" }],
    [7, { name: "VP_DROP_PULL", label: "Pull Fails" }],
  ]);
  assert.equal(dropCounterFields([]), DROP_COUNTERS);
  assert.equal(dropCounterFields(["h_op", "counters"]), DROP_COUNTERS);
  const counts = readDropStats(answering([response(0), drops({ 4: 1n, 7: 5n })]), null, fields);
  assert.deepEqual(printed(counts), { "Discards": 1, "Pull Fails": 5 });
});

/** vr_drop_stats_req with counters by field. */
function drops(counters: Readonly<Record<number, bigint>>): SandeshMessage {
  return {
    name: "vr_drop_stats_req",
    fields: Object.entries(counters).map(([id, value]) => ({
      id: Number(id),
      value: { type: "i64", value },
    })),
  };
}

Deno.test("counters are unsigned", () => {
  const [discards] = readDropStats(answering([response(0), drops({ 4: -1n })]));
  assert.equal(discards!.count, 2 ** 64);
});

Deno.test("a module that is too old is called so", () => {
  const failures: readonly (readonly [ScriptedTransport, RegExp])[] = [
    [answering([response(-1)]), /does not understand the request; it is too old$/],
    [new ScriptedTransport([familyAnswer()]), /nothing came.*; .* too old to know the request$/],
  ];
  for (const [transport, message] of failures) {
    assert.throws(() => readDropStats(transport), isFailure("drop_stats", message));
  }
  const [, vif] = decodeMessages(
    sandeshOf(parseMessages(vector("vif_get1_dropstats-03-rsp"))[0]!.payload),
  );
  assert.throws(
    () => readVifDropStats(answering([response(0), vif!]), 1),
    isFailure("drop_stats", /does not send them: it is too old/),
  );
});

Deno.test("what is wrong with an answer is said", () => {
  const cases: readonly (readonly [SandeshMessage[], RegExp])[] = [
    [[drops({})], /invalid answer .*: it does not start with vr_response$/],
    [[response(0)], /invalid answer .*: it has no drop counters$/],
    [[response(-22)], /refuses: Invalid argument \(-22\)$/],
    [
      [response(0), {
        name: "vr_drop_stats_req",
        fields: [{ id: 4, value: { type: "bool", value: true } }],
      }],
      /field 4 is of type bool$/,
    ],
  ];
  for (const [structs, message] of cases) {
    assert.throws(() => readDropStats(answering(structs)), isFailure("drop_stats", message));
  }
  assert.throws(
    () => readVifDropStats(captured("vif_get1_dropstats-03-rsp"), 2),
    isFailure("drop_stats", /it is about vif0\/1$/),
  );
});

Deno.test("without the module or the capability that is said", () => {
  assert.throws(
    () => readDropStats(new ScriptedTransport([[netlinkError(-2)]])),
    isFailure("vrouter_absent", /^Cannot read the drop counters: .* not loaded; load it$/),
  );
  assert.throws(
    () => readDropStats(new ScriptedTransport([familyAnswer(), [netlinkError(-1)]])),
    isFailure("drop_stats", /^Cannot read the drop counters without CAP_NET_ADMIN/),
  );
});

Deno.test("readDropStats() and readVifDropStats() take or reject damaged answers", () => {
  const payload = (name: string) => sandeshOf(parseMessages(vector(name))[0]!.payload);
  const header = { type: FAMILY_ID, flags: 0, sequence: 0, port: PORT };
  attack({
    title: "Drop counters",
    seed: 12,
    originals: ["dropstats-03-rsp", "vif_get1_dropstats-03-rsp"].map(payload),
    use: (bytes, original) => {
      const transport = new ScriptedTransport([familyAnswer(), [moduleMessage(header, bytes)]]);
      const counts = original === 0 ? readDropStats(transport) : readVifDropStats(transport, 1);
      assert.ok(counts.length <= KNOWN_REASONS.length);
      for (const { count } of counts) assert.ok(count >= 0 && count <= 2 ** 64);
    },
    rejects: (error) => error instanceof Failure && error.kind === "drop_stats",
    runs: 3000,
  });
});
