import assert from "node:assert/strict";
import { PCAPNG } from "../../src/output/pcapng.ts";
import type { Sightings } from "../../src/output/view.ts";
import type { Drop } from "../../src/trace/drop.ts";
import { type CallTree } from "../../src/trace/tree.ts";
import { feed } from "../support/call_records.ts";
import { drop, FLOW_ACTION_DROP } from "../support/drops.ts";
import {
  counted,
  exported,
  ORIGIN,
  printedOf,
  WALL_OFFSET,
  writtenBy,
} from "../support/exports.ts";
import {
  copyRecord,
  dropRecord,
  endRecord,
  feedWords,
  packetRecord,
} from "../support/packet_records.ts";
import { Random } from "../support/random.ts";
import { testUnless, whyNoProgram } from "../support/skip.ts";
import { DROPS, vrouterStream } from "../support/vrouter_stream.ts";

const STREAM = vrouterStream(new Random(3), { records: 4_000, packets: true, drops: true });
const REASONS = (number: number): string => `VP_DROP_${DROPS[number - 1]!.toUpperCase()}`;
const NO_TSHARK = whyNoProgram("tshark");
const NO_TCPDUMP = whyNoProgram("tcpdump");
const NO_CAPINFOS = whyNoProgram("capinfos");

/** ICMP echo request from 10.1.1.1 to 10.1.1.2. */
const ICMP = Uint8Array.fromHex(
  "4500005400004000400124a60a0101010a010102" + "0800f7fd00010001" + "00".repeat(56),
);
const ETHERNET = Uint8Array.fromHex("020000000002020000000001" + "0800");
const MADE_UP = Uint8Array.fromHex("00".repeat(12) + "0800");
const MPLS = Uint8Array.fromHex("00".repeat(12) + "8847" + "0001114045");
const START = 12_000_000_000;
const KERNEL = {
  source: "kernel",
  reason: { ...FLOW_ACTION_DROP, name: "SKB_DROP_REASON_NO_SOCKET" },
};

/** Rows of fields of what tshark reads. */
async function fields(bytes: Uint8Array, names: readonly string[], filter = ""): Promise<string[]> {
  const text = await printedOf(
    bytes,
    "tshark",
    ...["-n", "-r", "FILE", "-Y", filter, "-T", "fields", ...names.flatMap((name) => ["-e", name])],
  );
  return text.split("\n").slice(0, -1);
}

function sightings(at: Sightings["at"], more: Partial<Sightings> = {}): Sightings {
  return { at, functions: [], cooked: false, ...more };
}

/** A packet that is copied; it is dropped, the copy ends. */
function feedCopies(tree: CallTree, header: Uint8Array, length = header.length): void {
  const call = { task: 5, cpu: 1, frame: 0xa0004000 };
  const place = { slot: 2, generation: 0x101, task: 5, cpu: 1 };
  const copy = { slot: 9, generation: 1, task: 5, cpu: 1 };
  const handle = { slot: 2, generation: 1 };
  const seen = { length, netns: 1, ifindex: 7, header };
  feedWords(tree, packetRecord({ ...place, fn: 0, time: START }, seen));
  feed(tree, { ...call, kind: "entry", fn: 0, time: BigInt(START), ...handle });
  feedWords(tree, copyRecord({ ...copy, time: START + 10 }, place));
  const freed = { ...call, frame: 0xa0003000, fn: 1, ...handle };
  const dropped = { reason: 11, length, netns: 1, ifindex: 7, bytes: header };
  feedWords(tree, dropRecord({ ...place, fn: 1, time: START + 20 }, dropped));
  feed(tree, { ...freed, kind: "entry", time: BigInt(START + 30) });
  feedWords(tree, endRecord({ ...place, time: START + 40 }));
  feed(tree, { ...freed, kind: "return", time: BigInt(START + 50) });
  feed(tree, { ...call, kind: "return", fn: 0, time: BigInt(START + 60) });
}

/** What is written of {@linkcode feedCopies}. */
function copies(
  at: Sightings,
  header: Uint8Array = Uint8Array.of(...ETHERNET, ...ICMP),
  known: Partial<Drop> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const origin = { ...ORIGIN, drop: () => drop({ reason: FLOW_ACTION_DROP, ...known }) };
  const context = { functions: ["vm_rx", "vr_pfree"], origin, sightings: at };
  return writtenBy(PCAPNG, context, (tree) => feedCopies(tree, header));
}

testUnless(NO_TSHARK, "tshark filters packets by drop, number and function", async () => {
  const bytes = await exported(PCAPNG, STREAM, { reasons: REASONS });
  const counts = counted(STREAM);
  const all = await fields(bytes, ["frame.number", "frame.packet_id"]);
  assert.ok(counts.dropped! > 20 && counts.packet! > 50);
  assert.equal(all.length, counts.packet! + counts.dropped!);
  const dropped = await fields(bytes, ["frame.comment"], 'frame.comment contains "vrft.drop="');
  assert.equal(dropped.length, counts.dropped);
  const [first] = dropped;
  assert.match(
    first!,
    /^vrft\.fn=lh_pfree vrft\.packet=\d+ vrft\.task=\d+ vrft\.drop=DROP_\w+ vrft\.by=vrouter$/,
  );
  const reason = /vrft\.drop=\w+/.exec(first!)![0];
  const same = await fields(bytes, ["frame.comment"], `frame.comment contains "${reason} "`);
  assert.deepEqual(same, dropped.filter((comment) => comment.includes(`${reason} `)));
});

testUnless(NO_TSHARK, "a packet has its time, CPU, device, length and number", async () => {
  const header = Uint8Array.of(...ETHERNET, ...ICMP).slice(0, 60);
  const origin = { ...ORIGIN, drop: () => drop({ reason: FLOW_ACTION_DROP, cause: "hold limit" }) };
  const context = { functions: ["vm_rx", "vr_pfree"], origin };
  const bytes = await writtenBy(PCAPNG, context, (tree) => feedCopies(tree, header, 98));
  const names = ["time_epoch", "interface_queue", "interface_name", "interface_description", "len"];
  const rows = await fields(bytes, [
    ...[...names, "cap_len", "packet_id", "comment"].map((name) => `frame.${name}`),
    "ip.dst",
  ]);
  const time = `${(BigInt(START) + WALL_OFFSET) / 1_000_000_000n}`;
  const id = `${0x101 * 65_536 + 2}`;
  const device = "1\ttapdd789d34-27\tvif0/3\t98\t60";
  assert.deepEqual(rows, [
    `${time}.412345678\t${device}\t${id}\tvrft.fn=vm_rx vrft.packet=1 vrft.task=5\t10.1.1.2`,
    `${time}.412345698\t${device}\t${id}\tvrft.fn=vr_pfree vrft.packet=1 vrft.task=5 ` +
    "vrft.drop=FLOW_ACTION_DROP vrft.by=vrouter vrft.cause=hold-limit vrft.vif=4 vrft.vrf=2\t10.1.1.2",
  ]);
});

testUnless(NO_TSHARK, "--at chooses the sightings", async () => {
  const comments = async (at: Sightings): Promise<string[]> =>
    await fields(await copies(at), ["frame.comment"]);
  const dropWords = "vrft.drop=FLOW_ACTION_DROP vrft.by=vrouter vrft.vif=4 vrft.vrf=2";
  const first = "vrft.fn=vm_rx vrft.packet=1 vrft.task=5";
  const last = "vrft.fn=vr_pfree vrft.packet=1 vrft.task=5";
  assert.deepEqual(await comments(sightings("first")), [first]);
  assert.deepEqual(await comments(sightings("drop")), [`${last} ${dropWords}`]);
  assert.deepEqual(await comments(sightings("functions", { functions: ["vm_rx"] })), [first]);
  assert.deepEqual(await comments(sightings("functions", { functions: ["vr_pfree"] })), [
    `${last} ${dropWords}`,
  ]);
  assert.deepEqual(await comments(sightings("last")), [
    `${last} ${dropWords} vrft.bytes=earlier`,
    "vrft.fn=vm_rx vrft.packet=2 vrft.parent=1 vrft.task=5 vrft.bytes=earlier",
  ]);
});

testUnless(
  NO_TSHARK,
  "packets without an Ethernet header are of LINUX_SLL2, all of them if so asked",
  async () => {
    const names = ["sll.etype", "sll.ifindex", "frame.len", "frame.protocols"];
    const rows = async (header: Uint8Array, cooked = false): Promise<string[]> =>
      await fields(await copies(sightings("first", { cooked }), header), names);
    const bare = Uint8Array.of(...MADE_UP, ...ICMP);
    assert.deepEqual(await rows(bare), ["0x0800\t7\t104\tsll:ethertype:ip:icmp:data"]);
    const whole = Uint8Array.of(...ETHERNET, ...ICMP);
    assert.deepEqual(await rows(whole), ["\t\t98\teth:ethertype:ip:icmp:data"]);
    assert.deepEqual(await rows(whole, true), ["0x0800\t7\t104\tsll:ethertype:ip:icmp:data"]);
    const [mpls] = await rows(Uint8Array.of(...MPLS, ...ICMP.subarray(1)));
    assert.match(mpls!, /^0x8847\t7\t\d+\tsll:ethertype:mpls:ip:icmp/);
  },
);

testUnless(
  NO_TSHARK,
  "what the kernel drops has the kernel's word, and odd names do no harm",
  async () => {
    const known = { ...KERNEL, cause: "two\nwords\u202e" } as Partial<Drop>;
    const [comment] = await fields(await copies(sightings("drop"), ICMP, known), ["frame.comment"]);
    assert.match(
      comment!,
      /vrft\.drop=NO_SOCKET vrft\.by=kernel vrft\.cause=two\\x0awords\\u\{202e\} /,
    );
  },
);

testUnless(NO_TCPDUMP, "tcpdump reads all packets of one link-layer header", async () => {
  const counts = counted(STREAM);
  for (const cooked of [false, true]) {
    const bytes = await exported(PCAPNG, STREAM, { sightings: sightings("all", { cooked }) });
    const lines = (await printedOf(bytes, "tcpdump", "-nn", "-tt", "-r", "FILE")).match(
      /^\d+\.\d+ /gm,
    );
    assert.equal(lines!.length, counts.packet! + counts.dropped!);
  }
});

testUnless(NO_CAPINFOS, "capinfos finds a strict file that says where it comes from", async () => {
  const bytes = await exported(PCAPNG, STREAM);
  const text = await printedOf(bytes, "capinfos", "FILE");
  assert.match(text, /Number of packets: +\d+/);
  assert.match(text, /Capture oper-sys: +Linux 6\.12\.117\+deb12-cloud-amd64/);
  assert.match(text, /Capture application: +vrft 0\.1\.0/);
  assert.match(text, /Capture comment: +vrft\.host=compute-7/);
  assert.match(text, /File timestamp precision: +nanoseconds/);
});

Deno.test("packets whose bytes were not recorded are left out", async () => {
  const empty = await writtenBy(PCAPNG, { functions: [] }, () => {});
  const bytes = await copies(sightings("first"), new Uint8Array());
  assert.deepEqual(bytes, empty);
});
