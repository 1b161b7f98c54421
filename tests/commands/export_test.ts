import assert from "node:assert/strict";
import { EXPORT_FORMATS } from "../../src/cli/invocation.ts";
import { parseArguments } from "../../src/cli/program.ts";
import { runExport } from "../../src/commands/export.ts";
import { Log } from "../../src/output/log.ts";
import { compileFilters } from "../../src/packet/expression.ts";
import { SOURCE_KERNEL } from "../../src/probe/packet_record.ts";
import type { Section } from "../../src/recording/sections.ts";
import { printedOf } from "../support/exports.ts";
import { faultsOf } from "../support/json_schema.ts";
import { MessageList } from "../support/message_list.ts";
import { dropRecord, feedWords, packetRecord } from "../support/packet_records.ts";
import { Random } from "../support/random.ts";
import { HEADER, recorded } from "../support/recordings.ts";
import { testUnless, whyNoProgram } from "../support/skip.ts";
import { DROPS, feedStream, vrouterStream } from "../support/vrouter_stream.ts";

const NEVER = new AbortController().signal;
const SIGNALS = { stop: NEVER, cut: NEVER, end: (): void => {} };
const STREAM = vrouterStream(new Random(21), { records: 4_000, packets: true, drops: true });
const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../docs/schema/calls.schema.json", import.meta.url)),
);
const SECTIONS: readonly Section[] = [
  {
    name: "functions",
    value: STREAM.functions.map((name) => ({ name, module: "vrouter", returns: true })),
  },
  { name: "clocks", value: [{ monotonic: 0n, realtime: 1_795_662_000n * 1_000_000_000n }] },
  {
    name: "words",
    value: {
      kernel: [[[2, "SKB_DROP_REASON_NOT_SPECIFIED"], [3, "SKB_DROP_REASON_NO_SOCKET"]]],
      vrouter: [[
        [0, "VP_DROP_DISCARD"],
        ...DROPS.map((name, index) =>
          [index + 1, `VP_DROP_${name.slice("drop_".length).toUpperCase()}`] as const
        ),
      ]],
    },
  },
  { name: "devices", value: [[HEADER.vrouterNetns, 7, "tap7"]] },
  { name: "tasks", value: [[900, "vhost-900"]] },
];
const FILE = Deno.makeTempFileSync({ suffix: ".vrft" });
globalThis.addEventListener("unload", () => Deno.removeSync(FILE));
Deno.writeFileSync(
  FILE,
  await recorded((writer) => {
    feedStream(STREAM, writer);
    const place = { slot: 1, generation: 200, task: 900 };
    feedWords(writer, packetRecord(place, { length: 60, header: new Uint8Array(60) }));
    const bytes = new Uint8Array(60);
    feedWords(writer, dropRecord(place, { source: SOURCE_KERNEL, reason: 3, length: 60, bytes }));
    const values = { lost: 12, missed: 0 };
    writer.add({ name: "counters", value: { time: 0n, of: "vrft", values } });
  }, { sections: SECTIONS }),
);

/** What `vrft export` writes, and says. */
async function exported(...args: string[]): Promise<{ bytes: Uint8Array; said: string }> {
  const out = Deno.makeTempFileSync();
  const messages = new MessageList();
  try {
    const invocation = parseArguments(["export", FILE, "-o", out, ...args], "");
    assert.ok(invocation.command === "export", JSON.stringify(invocation));
    const { options } = invocation;
    const filter = await compileFilters(options.filters);
    assert.equal(await runExport(options, filter, new Log({ messages }), SIGNALS), 0);
    return { bytes: Deno.readFileSync(out), said: messages.text };
  } finally {
    Deno.removeSync(out);
  }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

for (const format of EXPORT_FORMATS) {
  Deno.test(`an export as ${format} tells what was lost`, async () => {
    const { bytes, said } = await exported("--format", format);
    assert.ok(bytes.length > 500);
    assert.match(said, /; 12 events lost; /);
    // What has no room for it, and what is compressed.
    if (["text", "collapsed", "html"].includes(format)) return;
    assert.ok(textOf(bytes).includes("12 events lost"), format);
  });
}

Deno.test("JSON lines are as the schema says, and have each call, packet and drop", async () => {
  const { bytes } = await exported("--format", "json");
  const lines = textOf(bytes).trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const line of lines) assert.deepEqual(faultsOf(line, SCHEMA), []);
  const count = (type: string): number => lines.filter((line) => line.type === type).length;
  assert.deepEqual(lines[0], {
    type: "trace",
    version: 1,
    host: HEADER.host,
    kernel: HEADER.kernel,
    program: "vrft 0.1.0",
    missing: ["12 events lost"],
  });
  const drop = lines.find(({ type }) => type === "drop");
  assert.match(drop.reason, /^[A-Z0-9_]+$/);
  assert.equal(drop.by, "vrouter");
  assert.ok(count("call") > 1000 && count("packet") > 20 && count("end") > 20 && count("drop") > 3);
  assert.ok(lines.some(({ taskName }) => taskName === "vhost-900"));
});

Deno.test("functions without a call in the recording are named", async () => {
  const some = STREAM.functions[0]!;
  const at = ["--format", "pcapng", "--at", some, "--at", "vr_*"];
  const { said } = await exported(...at);
  assert.match(said, /No packets in calls of "vr_\*" \(--at\): no such call is shown\n/);
  assert.equal(said.match(/No packets in calls/g)?.length, 1, said);
  const none = await exported("--format", "text", "-f", "nothing_*", "-x", "vr_*");
  assert.match(none.said, /has no calls of a function that matches -f "nothing_\*" -x "vr_\*"\n/);
  assert.doesNotMatch((await exported("--format", "text", "-f", some)).said, /no calls of/);
});

Deno.test("an export may have some packets, and some functions", async () => {
  const all = textOf((await exported("--format", "text")).bytes);
  const { bytes } = await exported("--format", "text", "-f", "vr_*");
  assert.ok(bytes.length > 500 && bytes.length < all.length);
  assert.doesNotMatch(textOf(bytes), /nh_output/);
  const some = textOf((await exported("--format", "text", "ether[20] < 128")).bytes);
  assert.ok(some.length > 500 && some.length < all.length);
});

for (const format of ["json", "pcapng", "perfetto", "trace.dat", "otlp"] as const) {
  Deno.test(`an export as ${format} has the drops of the kernel, too`, async () => {
    assert.ok(textOf((await exported("--format", format)).bytes).includes("NO_SOCKET"));
  });
}

testUnless(
  whyNoProgram("tshark"),
  "tshark finds drops of an export by their reason",
  async () => {
    const { bytes } = await exported("--format", "pcapng", "--at", "drop");
    const drops = (await exported("--format", "json")).bytes;
    const wanted = textOf(drops).match(/"reason":"NO_ROUTE"/g)?.length ?? 0;
    assert.ok(wanted > 0);
    const filter = 'frame.comment contains "vrft.drop=NO_ROUTE"';
    const rows = await printedOf(bytes, "tshark", "-r", "FILE", "-Y", filter);
    assert.equal(rows.trimEnd().split("\n").length, wanted);
  },
);

testUnless(whyNoProgram("tcpdump"), "tcpdump reads an export with one header", async () => {
  const { bytes } = await exported("--format", "pcapng", "--link", "cooked", "--at", "first");
  const text = await printedOf(bytes, "tcpdump", "-nn", "-r", "FILE");
  assert.ok(text.split("\n").length > 20);
});

testUnless(whyNoProgram("tcpdump"), "tcpdump reads an export without packets", async () => {
  for (const more of [[], ["--link", "cooked"], ["--at", "last"]]) {
    const { bytes } = await exported("--format", "pcapng", ...more, "host 192.0.2.1");
    assert.equal(await printedOf(bytes, "tcpdump", "-nn", "-r", "FILE"), "");
  }
});

Deno.test("a recording is not overwritten by what is made of it", async () => {
  const before = Deno.readFileSync(FILE);
  const invocation = parseArguments(["export", FILE, "--format", "json", "-o", FILE], "");
  assert.ok(invocation.command === "export");
  await assert.rejects(
    runExport(invocation.options, null, new Log({ messages: new MessageList() }), SIGNALS),
    /^Failure: Cannot write to the recording itself: /,
  );
  assert.deepEqual(Deno.readFileSync(FILE), before);
});
