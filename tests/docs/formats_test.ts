import assert from "node:assert/strict";
import { TRAILER_BYTES } from "../../scripts/launcher/trailer.ts";
import { ok } from "../../src/check/outcome.ts";
import { reportJson } from "../../src/check/report.ts";
import { SHOW_ITEMS } from "../../src/cli/invocation.ts";
import { runFunctions } from "../../src/commands/functions.ts";
import { runInterfaces } from "../../src/commands/interfaces.ts";
import { Btf } from "../../src/kernel/btf.ts";
import { EVENTS } from "../../src/output/events.ts";
import { LineWriter } from "../../src/output/line_writer.ts";
import { EVENT_BYTES } from "../../src/probe/record.ts";
import { PacketDetails, Step } from "../../src/trace/events.ts";
import { PacketTable } from "../../src/trace/packets.ts";
import { BtfWriter } from "../support/btf_writer.ts";
import { ByteList } from "../support/byte_list.ts";
import { vif } from "../support/vifs.ts";
import { documentAt, ROOT, sectionFrom, tableRows } from "./markdown.ts";

const TEXT = documentAt("docs/file-formats.md").text;

Deno.test("docs/file-formats.md has the keys of vrft functions --json", async () => {
  assert.deepEqual(keysBelow("`vrft functions --json`"), await functionKeys(false));
  const names = /prints an array of ([^;.]*)[;.]/.exec(
    sectionFrom(TEXT, "`vrft functions --skipped"),
  );
  assert.deepEqual(codesIn(names![1]!), await functionKeys(true));
});

Deno.test("docs/file-formats.md has the keys of vrft interfaces --json", () => {
  let out = "";
  const io = { out: (text: string) => out += text, log: () => {} };
  runInterfaces({ json: true, debug: false }, io, () => [vif(1, "tap1")]);
  assert.deepEqual(keysBelow("`vrft interfaces --json`"), Object.keys(JSON.parse(out)[0]));
});

Deno.test("docs/file-formats.md has the keys of vrft check --json", () => {
  const report = JSON.parse(reportJson([{ check: "a", title: "A", ...ok("found") }]));
  assert.deepEqual(keysBelow("`vrft check --json`"), Object.keys(report));
  const [row] = tableRows(sectionFrom(TEXT, "`vrft check --json`"), "key").slice(-1);
  const codes = codesIn(row![1]!);
  for (const key of Object.keys(report.checks[0])) assert(codes.includes(key), key);
});

Deno.test("docs/file-formats.md has the keys of vrft --format events", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  const packets = new PacketTable();
  const view = EVENTS.open(writer, {
    functions: ["vm_rx"],
    packets,
    shown: {
      items: new Set(SHOW_ITEMS),
      colour: false,
      results: [],
      isVrouter: [],
      vifs: () => [],
    },
  });
  const step = new Step();
  const details = new PacketDetails();
  view.enter(step);
  view.leave(step);
  view.abandon(step, "trace ended");
  view.orphan(step);
  for (const tell of [view.packet, view.copied, view.dropped, view.ended]) {
    tell!.call(view, step, details);
  }
  await writer.finish();
  const events = bytes.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const rows = tableRows(sectionFrom(TEXT, "`--format events`"), "key");
  const keys = rows.flatMap(([key]) => codesIn(key!));
  assert.deepEqual(keys.toSorted(), [...new Set(events.flatMap(Object.keys))].toSorted());
  const words = codesIn(rows[0]![1]!);
  for (const { event } of events) assert.ok(words.includes(event), event);
});

Deno.test("docs/file-formats.md has the fields of struct vrft_event", () => {
  const header = Deno.readTextFileSync(new URL("bpf/vrft.h", ROOT));
  const whole = /^struct vrft_event \{\n(.*?)^\};/ms.exec(header)![1]!;
  // Of a union, its first member.
  const body = whole.replace(/^\tunion \{\n\t(.*\n)[^}]*\};/gm, "$1");
  const fields = Array.from(body.matchAll(/^\t__u(\d+) (\w+);/gm), ([, bits, name]) => ({
    size: Number(bits) / 8,
    name: name!,
  }));
  assert.deepEqual(layoutBelow("## Ring buffer records"), withOffsets(fields));
  assert.equal(total(fields), EVENT_BYTES);
});

Deno.test("docs/file-formats.md has a trailer of the right size", () => {
  const rows = layoutBelow("## The single file");
  assert.deepEqual(rows, withOffsets(rows));
  assert.equal(total(rows), TRAILER_BYTES);
});

/** Keys of `vrft functions --json`, with `skipped` of those left out. */
async function functionKeys(skipped: boolean): Promise<string[]> {
  const kernel = new BtfWriter();
  kernel.func("ip_rcv", [["skb", kernel.pointer(kernel.struct("sk_buff", 232))]]);
  const btf = Btf.parse(kernel.bytes());
  const options = {
    kernelBtf: null,
    vrouterBtf: null,
    vrouter: false,
    functions: [],
    excludes: [],
    json: true,
    skipped,
    debug: false,
  };
  const encoder = new TextEncoder();
  let out = "";
  await runFunctions(options, { out: (text) => out += text, log: () => {} }, () =>
    Promise.resolve({
      kernel: btf,
      modules: [{ module: "vmlinux", btf }],
      kallsyms: encoder.encode("ffffffff81000010 T ip_rcv\n"),
      filterFunctions: encoder.encode(skipped ? "other\n" : "ip_rcv\n"),
      kernelBtf: "",
      vrouterBtf: null,
      warnings: [],
      vrouterBtfIgnored: null,
      leftOut: [],
      notes: [],
    }));
  return Object.keys(JSON.parse(out)[0]);
}

/** Keys in the table below the line that starts with `start`. */
function keysBelow(start: string): string[] {
  const [first = ""] = sectionFrom(TEXT, start).split(/(?<=\n)(?=`vrft)/);
  return tableRows(first, "key").flatMap(([key]) => codesIn(key!));
}

/** Offset, size and name of each row of a layout. */
function layoutBelow(start: string): { offset: number; size: number; name: string }[] {
  return tableRows(sectionFrom(TEXT, start), "offset").map(([offset, size, name]) => ({
    offset: Number(offset),
    size: Number(size),
    name: codesIn(name!).join(),
  }));
}

function withOffsets(
  fields: readonly { size: number; name: string }[],
): { offset: number; size: number; name: string }[] {
  let offset = 0;
  return fields.map(({ size, name }) => {
    const at = offset;
    offset += size;
    return { offset: at, size, name };
  });
}

function total(fields: readonly { size: number }[]): number {
  return fields.reduce((sum, { size }) => sum + size, 0);
}

function codesIn(cell: string): string[] {
  return Array.from(cell.matchAll(/`(\w+)`/g), ([, code]) => code!);
}
