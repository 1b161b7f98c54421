import assert from "node:assert/strict";
import { PERFETTO } from "../../src/output/perfetto.ts";
import type { Step, View } from "../../src/trace/events.ts";
import { packetId } from "../../src/trace/packets.ts";
import { CallTree } from "../../src/trace/tree.ts";
import { feed } from "../support/call_records.ts";
import { drop, FLOW_ACTION_DROP } from "../support/drops.ts";
import { counted, exported, ORIGIN, WALL_OFFSET, writtenBy } from "../support/exports.ts";
import { dropRecord, feedWords, packetRecord } from "../support/packet_records.ts";
import { decodedBy, type Message, NO_PROTOC } from "../support/protoc.ts";
import { Random } from "../support/random.ts";
import { testUnless } from "../support/skip.ts";
import { feedStream, vrouterStream } from "../support/vrouter_stream.ts";

const STREAM = vrouterStream(new Random(4), { records: 6_000, packets: true, drops: true });

async function decoded(bytes: Uint8Array<ArrayBuffer>): Promise<Message[]> {
  const { packet } = await decodedBy("perfetto.proto", "perfetto.protos.Trace", bytes);
  return (packet ?? []) as Message[];
}

/** What a reader makes of the packets: the events of each track, with names and absolute times. */
class Reader {
  readonly tracks = new Map<string, Message>();
  readonly events = new Map<
    string,
    { type: string; name: string; time: bigint; event: Message }[]
  >();
  primary = "";
  wall = 0n;
  #latest = 0n;
  readonly #sequences = new Map<
    string,
    { time: bigint; track: string; names: Map<string, string> }
  >();

  constructor(packets: readonly Message[]) {
    for (const packet of packets) this.#read(packet);
  }

  ofThread(tid: number): { type: string; name: string; time: bigint; event: Message }[] {
    for (const [uuid, { thread }] of this.tracks) {
      if ((thread?.[0] as Message | undefined)?.tid?.[0] === `${tid}`) {
        return this.events.get(uuid)!;
      }
    }
    return [];
  }

  #read(packet: Message): void {
    const id = packet.trusted_packet_sequence_id![0] as string;
    for (const track of (packet.track_descriptor ?? []) as Message[]) {
      this.tracks.set(track.uuid![0] as string, track);
    }
    for (const snapshot of (packet.clock_snapshot ?? []) as Message[]) this.#clocks(id, snapshot);
    const sequence = this.#sequences.get(id);
    for (const defaults of (packet.trace_packet_defaults ?? []) as Message[]) {
      assert.equal(packet.sequence_flags![0], "1");
      assert.equal(defaults.timestamp_clock_id![0], "64");
      sequence!.track = (defaults.track_event_defaults![0] as Message).track_uuid![0] as string;
    }
    for (const { event_names: names } of (packet.interned_data ?? []) as Message[]) {
      for (const { iid, name } of names as Message[]) {
        sequence!.names.set(iid![0] as string, name![0] as string);
      }
    }
    for (const event of (packet.track_event ?? []) as Message[]) {
      this.#event(packet, event, sequence);
    }
  }

  #clocks(id: string, { clocks, primary_trace_clock: primary }: Message): void {
    const times = new Map((clocks as Message[]).map((clock) => [
      clock.clock_id![0],
      BigInt(clock.timestamp![0] as string),
    ]));
    this.primary = primary![0] as string;
    // A reader rejects a snapshot in which the trace's clock goes back.
    assert.ok(times.get("3")! >= this.#latest);
    this.#latest = times.get("3")!;
    const own = times.get("64");
    if (own === undefined) this.wall = times.get("1")! - times.get("3")!;
    else {
      assert.equal(times.get("3"), own);
      this.#sequences.set(id, { time: own, track: "", names: new Map() });
    }
  }

  #event(
    packet: Message,
    event: Message,
    sequence: { time: bigint; track: string; names: Map<string, string> } | undefined,
  ): void {
    const timestamp = BigInt(packet.timestamp![0] as string);
    const isAbsolute = packet.timestamp_clock_id?.[0] === "3";
    if (!isAbsolute) {
      assert.equal(packet.sequence_flags![0], "2");
      sequence!.time += timestamp;
    }
    const track = event.track_uuid?.[0] as string | undefined ?? sequence!.track;
    assert.ok(this.tracks.has(track));
    const iid = event.name_iid?.[0] as string | undefined;
    const name = iid === undefined ? event.name?.[0] as string ?? "" : sequence!.names.get(iid)!;
    if (!this.events.has(track)) this.events.set(track, []);
    const type = (event.type![0] as string).replace("TYPE_", "");
    const time = isAbsolute ? timestamp : sequence!.time;
    this.events.get(track)!.push({ type, name, time, event });
  }
}

testUnless(
  NO_PROTOC,
  "protoc finds every call and return of a trace, with its name and time",
  async () => {
    const reader = new Reader(await decoded(await exported(PERFETTO, STREAM)));
    const expected = new Map<number, string[]>();
    const add = (type: string) => (step: Readonly<Step>) => {
      const { task, cpu, low, high, fn } = step;
      const tid = task === 0 ? 4_194_304 + cpu : task;
      if (!expected.has(tid)) expected.set(tid, []);
      const name = type === "SLICE_BEGIN" ? STREAM.functions[fn] : "";
      const time = BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
      expected.get(tid)!.push(`${time} ${type} ${name}`);
    };
    const [enter, leave] = [add("SLICE_BEGIN"), add("SLICE_END")];
    const view: View = { enter, leave, abandon: leave, orphan: () => {} };
    const tree = new CallTree(view, STREAM.functions.length);
    feedStream(STREAM, tree);
    tree.finish();
    assert.ok(expected.size > 10);
    for (const [tid, calls] of expected) {
      const slices = reader.ofThread(tid).filter(({ type }) => type.startsWith("SLICE"));
      assert.deepEqual(slices.map(({ type, name, time }) => `${time} ${type} ${name}`), calls);
    }
    assert.equal(reader.primary, "3");
    assert.equal(reader.wall, WALL_OFFSET);
  },
);

testUnless(NO_PROTOC, "drops are instants on the tracks of their tasks, and counters", async () => {
  const reasons = (number: number): string => `VP_DROP_${number}`;
  const reader = new Reader(await decoded(await exported(PERFETTO, STREAM, { reasons })));
  const { dropped } = counted(STREAM);
  const events = [...reader.events.values()].flat();
  const instants = events.filter(({ type }) => type === "INSTANT");
  assert.equal(instants.length, dropped);
  const byName = Object.groupBy(instants, ({ name }) => name);
  let counters = 0;
  for (const [uuid, track] of reader.tracks) {
    if (track.counter === undefined) continue;
    counters++;
    const values = reader.events.get(uuid)!.map(({ event }) => event.counter_value![0]);
    assert.deepEqual(values, values.map((_, index) => `${index + 1}`));
    const [name] = track.name as string[];
    assert.equal(values.length, byName[name!.replace("drops: ", "drop: ")]!.length);
  }
  assert.equal(counters, Object.keys(byName).length);
});

testUnless(NO_PROTOC, "a packet's flow begins on each track that it comes to", async () => {
  const place = { slot: 2, generation: 0x10001 };
  const call = { cpu: 1, slot: 2, generation: 1, time: 100n };
  const frames = [0xa0004000, 0xa0003000] as const;
  const known = { reason: FLOW_ACTION_DROP, vif: { index: 3, device: "tap1" } };
  const origin = { ...ORIGIN, drop: () => drop(known) };
  const bytes = await writtenBy(PERFETTO, { functions: ["vm_rx", "lh_pfree"], origin }, (tree) => {
    feedWords(tree, packetRecord(place));
    feed(tree, { ...call, kind: "entry", task: 5, frame: frames[0], fn: 0 });
    feed(tree, { ...call, kind: "entry", task: 5, frame: frames[1], fn: 1 });
    feed(tree, { ...call, kind: "entry", task: 6, frame: frames[0], fn: 0, time: 120n });
    feed(tree, { ...call, kind: "entry", task: 6, frame: frames[1], fn: 1, time: 105n, slot: 3 });
    feed(tree, { ...call, kind: "entry", task: 7, cpu: 2, frame: frames[0], fn: 0, time: 95n });
    feedWords(tree, dropRecord({ ...place, fn: 1, task: 6, cpu: 1, time: 110 }, { reason: 11 }));
  });
  const reader = new Reader(await decoded(bytes));
  const flows = (tid: number) =>
    reader.ofThread(tid).flatMap((
      { name, event: { flow_ids: ids = [], debug_annotations: all } },
    ) => ids.map((flow) => [name, BigInt(flow as string), (all![0] as Message).uint_value![0]]));
  const id = BigInt(packetId(2, 0x10001));
  assert.deepEqual(flows(5), [["vm_rx", id, "1"]]);
  assert.deepEqual(flows(6), [["vm_rx", id, "1"]]);
  // Times do not go back on a track, nor behind the first one.
  assert.deepEqual(reader.ofThread(5).map(({ time }) => time), [100n, 100n, 110n, 110n]);
  assert.equal(reader.ofThread(7)[0]!.time, 100n);
  assert.deepEqual(reader.ofThread(6).slice(0, 2).map(({ time }) => time), [120n, 120n]);
  const { event } = reader.ofThread(6).find(({ type }) => type === "INSTANT")!;
  const annotations = (event.debug_annotations as Message[]).map((one) => [
    one.name![0],
    (one.uint_value ?? one.string_value)![0],
  ]);
  assert.deepEqual(annotations, [
    ["packet", "1"],
    ["reason", "FLOW_ACTION_DROP"],
    ["by", "vrouter"],
    ["vif", "3"],
    ["device", "tap1"],
    ["function", "lh_pfree"],
  ]);
});

testUnless(NO_PROTOC, "times and names of any length are written whole", async () => {
  const functions = Array.from({ length: 300 }, (_, fn) => `f${fn}${"x".repeat(fn)}`);
  const call = { task: 0x7fffffff, cpu: 0xffff, frame: 0xa0004000, slot: 0xffff, generation: 0xff };
  const place = { slot: 0xffff, generation: 0xffffffff };
  const bytes = await writtenBy(PERFETTO, { functions }, (tree) => {
    feedWords(tree, packetRecord(place));
    for (let fn = 0; fn < functions.length; fn++) {
      const time = fn < 150 ? 5n : 2n ** 52n;
      feed(tree, { ...call, kind: "entry", fn, time });
      feed(tree, { ...call, kind: "return", fn, time });
    }
  });
  const begins = new Reader(await decoded(bytes)).ofThread(0x7fffffff)
    .filter(({ type }) => type === "SLICE_BEGIN");
  assert.deepEqual(begins.map(({ name }) => name), functions);
  assert.equal(begins[149]!.time, 5n);
  assert.equal(begins[150]!.time, 2n ** 52n);
});
