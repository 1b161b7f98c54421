import assert from "node:assert/strict";
import { runInfo } from "../../src/commands/info.ts";
import { Failure } from "../../src/sys/failure.ts";
import { Random } from "../support/random.ts";
import { recorded } from "../support/recordings.ts";
import { feedStream, vrouterStream } from "../support/vrouter_stream.ts";

const STREAM = vrouterStream(new Random(9), { records: 20_000, packets: true });
const COUNTERS = {
  name: "counters",
  value: { time: 0n, of: "vrft", values: { lost: 5, missed: 7 } },
} as const;
const RECORDING = await recorded((writer) => {
  feedStream(STREAM, writer);
  writer.add(COUNTERS);
}, {
  sections: [
    { name: "selection", value: { expression: "icmp", vif: ["tap1"], sample: 1, vrouter: true } },
    // 2026-11-26T03:00:00Z at 10 s.
    { name: "clocks", value: [{ monotonic: 10_000_000_000n, realtime: 1795662000_000000000n }] },
    { name: "tasks", value: [[7, "ping"]] },
  ],
});

function info(bytes: Uint8Array, json = false): { status: number; text: string } {
  const file = Deno.makeTempFileSync();
  let text = "";
  try {
    Deno.writeFileSync(file, bytes);
    const status = runInfo({ file, json }, { out: (part) => void (text += part), log: () => {} });
    return { status, text };
  } finally {
    Deno.removeSync(file);
  }
}

Deno.test("info says where a recording was made, what it has, and what was lost", () => {
  const { status, text } = info(RECORDING);
  assert.equal(status, 0);
  const lines = text.split("\n");
  assert.equal(
    lines[0],
    "host    compute-7, Linux 6.12.117+deb12-cloud-amd64, Debian GNU/Linux 12",
  );
  assert.match(lines[1]!, /^time {4}2026-11-26T03:00:0\d\.\d{9}Z, \d\.\d{3} s$/);
  assert.equal(lines[2], "traced  icmp; --vif tap1");
  assert.equal(lines[4], "has     0 functions, names of 1 task");
  assert.match(
    lines[5]!,
    /^events {2}20,\d{3} in \d+ blocks of [\d,]+ bytes, \d+\.\d bytes an event$/,
  );
  assert.equal(lines[6], "lost    5 events, 7 probe hits missed");
  assert.equal(lines[7], "end     interrupted");
});

Deno.test("info --json says the same", () => {
  const found = JSON.parse(info(RECORDING, true).text);
  assert.equal(found.host, "compute-7");
  assert.equal(found.events, STREAM.records);
  assert.deepEqual([found.lost, found.missed, found.state, found.why], [
    5,
    7,
    "complete",
    "interrupted",
  ]);
});

Deno.test("info counts all that is whole of a file that was cut or damaged", () => {
  const cut = info(RECORDING.subarray(0, RECORDING.length - 400));
  assert.equal(cut.status, 0);
  assert.match(cut.text, /^events {2}16,384 in /m);
  assert.match(cut.text, /^end {5}cut behind these 16,384 events: the writer was killed/m);
  const damaged = RECORDING.slice();
  const last = damaged.length - 100;
  damaged.fill(0xff, last);
  const found = info(damaged);
  assert.equal(found.status, 1);
  assert.match(found.text, /^end {5}damaged behind these 20,\d{3} events: /m);
});

Deno.test("what is no recording is an error", () => {
  for (const bytes of [new Uint8Array(), new TextEncoder().encode("some text, not a recording")]) {
    assert.throws(() => info(bytes), (error) => {
      return error instanceof Failure && error.kind === "recording";
    });
  }
  assert.throws(
    () => runInfo({ file: "/nowhere/a.vrft", json: false }, { out: () => {}, log: () => {} }),
    { message: 'Cannot read "/nowhere/a.vrft": No such file or directory' },
  );
});

Deno.test("info says what a flight recorder has written it for", async () => {
  const bytes = await recorded((writer) => {
    writer.add({ name: "triggers", value: [{ time: 12_500_000_000n, why: "drop No L2 Route" }] });
    writer.add({ name: "triggers", value: [{ time: 13_000_000_000n, why: "loss" }] });
  }, {
    sections: [
      { name: "clocks", value: [{ monotonic: 10_000_000_000n, realtime: 1795662000_000000000n }] },
    ],
  });
  assert.match(
    info(bytes).text,
    /^trigger drop No L2 Route, 2026-11-26T03:00:02\.500000000Z, and 1 more$/m,
  );
  assert.deepEqual(JSON.parse(info(bytes, true).text).triggers, [
    { time: "2026-11-26T03:00:02.500000000Z", why: "drop No L2 Route" },
    { time: "2026-11-26T03:00:03.000000000Z", why: "loss" },
  ]);
});
