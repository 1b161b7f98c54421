import assert from "node:assert/strict";
import { type PageCall, readCalls } from "../../src/output/html/calls.ts";
import { Collector } from "../../src/output/html/collector.ts";
import { HTML } from "../../src/output/html.ts";
import { decisionText, outcomeText, packetText, timeText } from "../../src/output/packets/words.ts";
import { wayOf } from "../../src/output/packets/lines.ts";
import { counted, exported, writtenBy } from "../support/exports.ts";
import { checkPage, type PageContents, readPage } from "../support/html_page.ts";
import { FUNCTIONS, Scene, SOURCES } from "../support/journey_scene.ts";
import { DECISIONS, journey, OUTCOMES } from "../support/journeys.ts";
import { HOSTILE, pageScene } from "../support/page_scene.ts";
import { Random } from "../support/random.ts";
import { vrouterStream } from "../support/vrouter_stream.ts";
import { readVrouterTrace } from "../support/vrouter_traces.ts";

const SEED = 14;
const ROOMY = { packets: 1000, calls: 1000, drops: 1000 };

/** The page of one trace of a real vrouter. */
async function pageOf(trace: string): Promise<PageContents> {
  const context = { functions: FUNCTIONS, journeys: SOURCES };
  const bytes = await writtenBy(HTML, context, (tree) => {
    new Scene({}, tree).play(trace, {
      task: 812,
      events: { "before linux_rx_handler": (scene, place) => void scene.see(place, 21) },
    });
  });
  return await readPage(bytes);
}

Deno.test("a page has the calls of a packet as they were", async () => {
  const { data, calls } = await pageOf("vxlan_out");
  checkPage(data, calls);
  const expected = readVrouterTrace("vxlan_out").filter(({ kind }) => kind === "enter")
    .map(({ call }) => call)
    .filter(({ begin }) => begin >= data.packets.firstCall[0]!);
  const [first] = expected;
  const found = readCalls(calls, data.packets.calls[0]!);
  assert.deepEqual(
    found.map(({ fn, begin, duration }) => [data.functions[fn], begin, duration]),
    expected.map(({ fn, begin, end }) => [fn, begin - first!.begin, end - begin]),
  );
  const where = ({ cpu, task, end }: PageCall): string => `${cpu} ${task} ${end}`;
  assert.deepEqual(new Set(found.map(where)), new Set(["0 812 return"]));
});

Deno.test("a page says of a packet what vrft packets says", () => {
  const collector = new Collector(ROOMY);
  const told = OUTCOMES.map((outcome, number) =>
    journey({ number, outcome, decisions: DECISIONS.slice(number) })
  );
  for (const one of told) collector.packet(one);
  const { texts, lines, packets, outcomes, stageNames } = collector.data;
  let line = 0;
  for (const [row, one] of told.entries()) {
    assert.equal(texts[packets.text[row]!], packetText(one));
    assert.equal(texts[packets.outcome[row]!], outcomeText(one.outcome));
    assert.equal(outcomes[packets.type[row]!], one.outcome.type);
    const count = packets.lines[row]!;
    const said = packets.line.slice(line, line + count).map((at) => texts[lines[at]![0]]!);
    line += count;
    const way = wayOf(one, { time: () => "", hints: null }).map(({ text }) => text);
    assert.deepEqual(said.slice(0, way.length), way);
    const decision = one.decisions[0];
    const text = decision === undefined ? null : decisionText(decision, one.vrf);
    if (text !== null) assert.ok(said.includes(text), text);
  }
  const stages = packets.stage.slice(0, packets.stages[0]);
  assert.deepEqual(
    stages.map((stage, at) => `${stageNames[stage]} ${timeText(packets.stageTime[at]!)}`),
    told[0]!.stages.map(({ name, duration }) => `${name} ${timeText(duration)}`),
  );
});

Deno.test("a page counts what it has no room for", () => {
  const collector = new Collector({ packets: 2, calls: 0, drops: 1 });
  for (let number = 1; number <= 5; number++) collector.packet(journey({ number }));
  const fact = { reason: "DISCARD", by: "vrouter", drop: null, record: new Uint32Array() } as const;
  for (let time = 0n; time < 3n; time++) collector.drop(fact, time, 1, 0);
  assert.deepEqual(collector.leftOut, { packets: 3, calls: 0, drops: 2 });
  assert.deepEqual(collector.data.counts, { packets: 5, calls: 0, drops: 3 });
  assert.deepEqual(collector.data.packets.number, [1, 2]);
});

Deno.test("a page has every drop, and every call in its flame graph", async () => {
  const stream = vrouterStream(new Random(SEED), { records: 4000, packets: true, drops: true });
  const counts = counted(stream);
  const { data, calls } = await readPage(await exported(HTML, stream));
  checkPage(data, calls);
  assert.equal(data.counts.drops, counts["dropped"]);
  assert.equal(data.drops.time.length, counts["dropped"]);
  assert.equal(data.flame.calls.reduce((all, one) => all + one, 0), counts["leave"]);
});

Deno.test("a page says when events were lost, and of which packets", async () => {
  const context = { functions: FUNCTIONS, journeys: SOURCES, missing: () => ["7 events lost"] };
  const bytes = await writtenBy(HTML, context, (tree) => {
    new Scene({}, tree).play("l2_request", {
      at: 1_000,
      events: {
        "before linux_rx_handler": (scene, place) => void scene.see(place, 21),
        "enter nh_output": () => tree.lost(0),
      },
    });
  });
  const { data } = await readPage(bytes);
  const [told, when, ...rest] = data.missing;
  assert.equal(told, "7 events lost");
  assert.match(when!, /^events were lost once, by 0\.001 s after the start$/);
  assert.ok(rest.includes("1 packet of which events were lost"), rest.join());
  assert.deepEqual(data.packets.incomplete, [1]);
});

Deno.test("no name out of a trace is markup of its page, or acts on a terminal", async () => {
  const { bytes } = await pageScene(new Random(SEED), { packets: 40, hostile: true });
  const page = new TextDecoder().decode(bytes);
  assert.ok(!page.includes(HOSTILE));
  // One for the data, and one for the program.
  assert.equal(page.split("</script").length, 3);
  const { data } = await readPage(bytes);
  assert.ok(data.texts.some((text) => text.includes(HOSTILE)));
  const context = { functions: ["a\x1b[2J\u202eb"] };
  const other = await readPage(await writtenBy(HTML, context, () => {}));
  assert.deepEqual(other.data.functions, ["a\\x1b[2J\\u{202e}b"]);
});

Deno.test("a page forbids all requests, and has no address that would need one", async () => {
  const page = new TextDecoder().decode(await writtenBy(HTML, { functions: [] }, () => {}));
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!;
  assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+';/);
  assert.doesNotMatch(policy, /unsafe|http/);
  assert.doesNotMatch(page, /\b(?:src|href)=["']?(?!data:)[\w/.]/);
  assert.doesNotMatch(page, /url\((?!data:)/);
});
