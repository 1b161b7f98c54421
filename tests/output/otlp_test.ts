import assert from "node:assert/strict";
import { OTLP } from "../../src/output/otlp.ts";
import { TraceIds } from "../../src/output/otlp/ids.ts";
import { resourceOf } from "../../src/output/otlp/resource.ts";
import { SpanWriter } from "../../src/output/otlp/spans.ts";
import type { AgentInterface } from "../../src/vrouter/introspect.ts";
import { SOURCE_KERNEL } from "../../src/probe/packet_record.ts";
import type { Journey } from "../../src/trace/journey.ts";
import { drop, FLOW_ACTION_DROP, SECOND } from "../support/drops.ts";
import { ORIGIN, WALL_OFFSET, writtenBy } from "../support/exports.ts";
import { FUNCTIONS, Scene, SOURCES } from "../support/journey_scene.ts";
import { DECISIONS, journey, OUTCOMES, TUNNELLED, TUNNELLED6 } from "../support/journeys.ts";
import { type Span, spansOf } from "../support/otlp.ts";
import { NO_OTLP } from "../support/protoc.ts";
import { testUnless } from "../support/skip.ts";
import { readVrouterTrace } from "../support/vrouter_traces.ts";

const RUN = "compute-7 1";
const HEX = /^[0-9a-f]+$/;

function writer(): SpanWriter {
  return new SpanWriter({
    resource: resourceOf(ORIGIN),
    ids: new TraceIds(RUN),
    wallOffset: () => WALL_OFFSET,
    functions: [],
  });
}

/** The spans of journeys. */
async function written(...journeys: readonly Journey[]): Promise<readonly Span[]> {
  const spans = writer();
  for (const one of journeys) spans.journey(one);
  assert.equal(spans.count, journeys.reduce((sum, { stages }) => sum + 1 + stages.length, 0));
  return (await spansOf(spans.take())).spans;
}

const isRoot = ({ parent }: Span): boolean => parent === "";

testUnless(
  NO_OTLP,
  "a packet is a trace: a root, and its stages one after the other",
  async () => {
    const one = journey({ number: 17 });
    const [root, ...stages] = await written(one);
    assert.ok(root !== undefined && isRoot(root));
    assert.equal(root.name, "packet");
    assert.match(root.trace, HEX);
    assert.equal(root.trace.length, 32);
    assert.equal(root.id.length, 16);
    assert.equal(root.start, one.begin + WALL_OFFSET);
    assert.equal(root.end - root.start, BigInt(one.duration));
    assert.deepEqual(stages.map(({ name }) => name), one.stages.map(({ name }) => name));
    let at = root.start;
    for (const [index, { start, end, parent, trace, kind }] of stages.entries()) {
      assert.deepEqual([parent, trace, kind], [root.id, root.trace, "SPAN_KIND_INTERNAL"]);
      assert.equal(start, at);
      assert.equal(end - start, BigInt(one.stages[index]!.duration));
      at = end;
    }
    assert.equal(at, root.end);
    assert.equal(new Set([root, ...stages].map(({ id }) => id)).size, 1 + stages.length);
    assert.equal(root.status, "");
    assert.deepEqual(root.attributes, {
      "vrouter.packet.number": "17",
      "vrouter.packet.length": "98",
      "vrouter.packet.summary": "10.1.1.5 > 10.1.1.6 icmp echo request, 98 bytes",
      "network.type": "ipv4",
      "network.transport": "icmp",
      "source.address": "10.1.1.5",
      "destination.address": "10.1.1.6",
      "network.interface.name": "tapdd789d34-27",
      "vrouter.vif": "4",
      "vrouter.vrf": "2",
      "vrouter.outcome": "left",
      "vrouter.outcome.vif": "0",
      "vrouter.outcome.interface": "bond0",
      "vrouter.decisions": "flow 184224<=>512  Action:F | L2 02:ae:00:00:00:07 > nh 57 Tunnel " +
        "MPLSoUDP 10.0.0.1 > 10.0.0.2  label 25",
      "vrouter.flow.index": "184224",
      "vrouter.flow.action": "F",
      "vrouter.nexthop.id": "57",
      "vrouter.nexthop.type": "Tunnel",
    });
  },
);

testUnless(NO_OTLP, "names that the agent knows are those of the vifs in and out", async () => {
  const outcome = OUTCOMES.find(({ type }) => type === "delivered")!;
  assert.ok(outcome.type === "delivered");
  const asked: unknown[] = [];
  const spans = new SpanWriter({
    resource: resourceOf(ORIGIN),
    ids: new TraceIds(RUN),
    wallOffset: () => WALL_OFFSET,
    functions: [],
    names(vif, device): AgentInterface | null {
      asked.push([vif?.index, device]);
      if (vif === null) return null;
      const name = `of-${vif.index}`;
      const others = { parent: "", vmUuid: `vm ${name}`, configName: "", project: "" };
      return { index: vif.index, name, uuid: "u", vmName: name, network: `n-${name}`, ...others };
    },
  });
  const one = journey({ outcome });
  spans.journey(one);
  spans.drop(drop(), 2);
  spans.drop(drop({ vif: null, device: "eth0" }), 3);
  const roots = (await spansOf(spans.take())).spans.filter(isRoot);
  const { vif, device } = one;
  const dropped = drop();
  assert.deepEqual(asked, [
    [vif!.index, device],
    [outcome.vif!.index, outcome.device],
    [dropped.vif!.index, dropped.device],
    [undefined, "eth0"],
  ]);
  const named = roots.map(({ attributes }) =>
    Object.entries(attributes).filter(([name]) => /\.(vm|vmi|network|project)\./.test(name))
  );
  const of = (index: number) => [
    ["vrouter.vm.name", `of-${index}`],
    ["vrouter.vm.id", `vm of-${index}`],
    ["vrouter.network.name", `n-of-${index}`],
    ["vrouter.vmi.id", "u"],
  ];
  const to = outcome.vif!.index;
  assert.deepEqual(named, [
    [
      ...of(vif!.index),
      ["vrouter.outcome.vm.name", `of-${to}`],
      ["vrouter.outcome.network.name", `n-of-${to}`],
    ],
    of(dropped.vif!.index),
    [],
  ]);
});

testUnless(NO_OTLP, "a dropped packet is an error with its reason", async () => {
  const outcome = OUTCOMES.find((one) => one.type === "dropped" && one.drop.cause === "SG")!;
  const housekeeping = drop({ reason: { ...FLOW_ACTION_DROP, class: "housekeeping" } });
  const unnamed = drop({
    source: "kernel",
    reason: { number: -1, name: "-1", label: "", class: "lost" },
  });
  const [first, second, third] = (await written(
    journey({ outcome, decisions: [] }),
    journey({ number: 2, outcome: { type: "dropped", drop: housekeeping } }),
    journey({ number: 3, outcome: { type: "dropped", drop: unnamed } }),
  )).filter(isRoot);
  assert.equal(first!.status, "STATUS_CODE_ERROR: Flow Action Drop: SG: SG");
  const { attributes } = first!;
  const found = (...names: string[]) => names.map((name) => attributes[name]);
  assert.deepEqual(
    found("error.type", "vrouter.drop.reason", "vrouter.drop.class", "vrouter.drop.source"),
    ["VP_DROP_FLOW_ACTION_DROP", "Flow Action Drop", "policy", "vrouter"],
  );
  assert.deepEqual(
    found("vrouter.flow.index", "vrouter.flow.action", "vrouter.nexthop.id", "vrouter.route.key"),
    ["184224", "D(SG)", "0", "10.30.0.0/16"],
  );
  assert.equal(attributes["vrouter.nexthop.type"], "Drop");
  assert.equal(attributes["code.function.name"], "vr_flow_action_default");
  // protoc prints a line break as two characters.
  assert.equal(attributes["code.stacktrace"]!.split("\\n").length, 3);
  assert.deepEqual([second!.status, second!.attributes["error.type"]], ["", undefined]);
  assert.equal(third!.attributes["error.type"], "_OTHER");
  assert.equal(third!.status, "STATUS_CODE_ERROR: kernel");
});

testUnless(NO_OTLP, "of a packet in a tunnel, the ends are those inside", async () => {
  const roots = (await written(
    journey({ ...TUNNELLED, number: 1 }),
    journey({ ...TUNNELLED6, number: 2 }),
  )).filter(isRoot);
  const [mpls, vxlan] = roots.map(({ attributes }) => attributes);
  assert.equal(mpls!["source.address"], "10.1.1.6");
  assert.equal(mpls!["vrouter.tunnel.type"], "MPLSoUDP");
  assert.equal(mpls!["vrouter.tunnel.source.address"], "10.0.0.2");
  assert.equal(mpls!["vrouter.tunnel.label"], "31");
  assert.equal(vxlan!["network.type"], "ipv6");
  assert.equal(vxlan!["network.transport"], "tcp");
  assert.deepEqual([vxlan!["source.port"], vxlan!["destination.port"]], ["40112", "443"]);
  assert.equal(vxlan!["vrouter.tunnel.vni"], "5001");
});

testUnless(NO_OTLP, "every outcome and decision can be read", async () => {
  const journeys = OUTCOMES.map((outcome, index) =>
    journey({ number: index + 1, outcome, decisions: DECISIONS })
  );
  const roots = (await written(...journeys)).filter(isRoot);
  assert.deepEqual(
    roots.map(({ attributes }) => attributes["vrouter.outcome"]),
    OUTCOMES.map(({ type }) => type),
  );
  assert.equal(new Set(roots.map(({ trace }) => trace)).size, OUTCOMES.length);
});

testUnless(NO_OTLP, "ids are the same each time, and others for another run", async () => {
  const one = journey({ number: 9 });
  const [first] = await written(one);
  const [again] = await written(one);
  assert.deepEqual([again!.trace, again!.id], [first!.trace, first!.id]);
  const other = (run: string): string => new TraceIds(run).trace(9).toHex();
  assert.equal(other(RUN), first!.trace);
  assert.notEqual(other("compute-8 1"), first!.trace);
  const traces = new Set<string>();
  const ids = new TraceIds(RUN);
  for (let number = 1; number <= 20_000; number++) traces.add(ids.trace(number).toHex().slice(16));
  for (let high = 1; high <= 20_000; high++) {
    traces.add(ids.trace(high * 2 ** 32).toHex().slice(16));
  }
  assert.equal(traces.size, 40_000);
  let chosen = 0;
  for (let number = 1; number <= 20_000; number++) chosen += ids.isChosen(number, 10) ? 1 : 0;
  assert.ok(chosen > 1_800 && chosen < 2_200, `${chosen}`);
});

testUnless(
  NO_OTLP,
  "a copy is linked to its original, and a packet may come in again",
  async () => {
    const [original, copy, again] = (await written(
      journey({ number: 4 }),
      journey({ number: 5, parent: 1, parentNumber: 4 }),
      journey({ number: 4, begin: 2n * SECOND }),
    )).filter(isRoot);
    assert.deepEqual(copy!.links, [[original!.trace, original!.id]]);
    assert.notEqual(copy!.trace, original!.trace);
    assert.equal(again!.trace, original!.trace);
    assert.notEqual(again!.id, original!.id);
  },
);

testUnless(NO_OTLP, "a drop alone is a trace", async () => {
  const spans = writer();
  spans.drop(drop({ cpu: 3, nexthop: { id: 7, type: "Encap", reach: null } }), 1);
  spans.drop(drop({ vif: null, device: "eth1" }), 2);
  const { spans: [first, second], resources, scopes } = await spansOf(spans.take());
  assert.equal(first!.start, SECOND + WALL_OFFSET);
  assert.equal(first!.end, first!.start);
  assert.equal(first!.status, "STATUS_CODE_ERROR: Discards");
  assert.equal(first!.attributes["vrouter.nexthop.id"], "7");
  assert.equal(first!.attributes["cpu.logical_number"], "3");
  assert.equal(second!.attributes["network.interface.name"], "eth1");
  assert.notEqual(first!.trace, second!.trace);
  assert.deepEqual(scopes, ["vrft 0.1.0"]);
  assert.deepEqual(resources, [{
    "service.name": "vrft",
    "service.instance.id": "compute-7",
    "service.version": "0.1.0",
    "host.name": "compute-7",
    "os.type": "linux",
    "os.version": "6.12.117+deb12-cloud-amd64",
  }]);
  assert.equal(spans.count, 0);
  assert.equal(spans.take().length, 0);
});

testUnless(
  NO_OTLP,
  "an export has the calls of packets if asked to, nested as they were",
  async () => {
    const play = async (calls: boolean): Promise<readonly Span[]> => {
      const bytes = await writtenBy(
        OTLP,
        { functions: FUNCTIONS, journeys: SOURCES, calls },
        (tree) => {
          new Scene({}, tree).play("vxlan_out", {
            task: 812,
            events: { "before linux_rx_handler": (scene, place) => void scene.see(place, 21) },
          });
        },
      );
      return (await spansOf(bytes)).spans;
    };
    const without = await play(false);
    const [root] = without;
    const spans = await play(true);
    assert.deepEqual(spans.slice(0, without.length), without);
    const calls = spans.slice(without.length);
    const [first] = calls.map(({ start }) => start).toSorted((a, b) => Number(a - b));
    const expected = readVrouterTrace("vxlan_out").filter(({ kind }) => kind === "enter")
      .map(({ call }) => call)
      .filter(({ begin }) => BigInt(begin) + WALL_OFFSET >= first!);
    assert.ok(expected.length > 20);
    const names = calls.map(({ name, start, end }) => `${start} ${name} ${end - start}`);
    assert.deepEqual(
      names.toSorted(),
      expected.map(({ fn, begin, end }) => `${BigInt(begin) + WALL_OFFSET} ${fn} ${end - begin}`)
        .toSorted(),
    );
    const byId = new Map(spans.map((span) => [span.id, span]));
    assert.equal(byId.size, spans.length);
    for (const { start, end, parent, attributes } of calls) {
      const around = byId.get(parent)!;
      if (around !== root && parent !== root!.id) {
        assert.ok(
          around.start <= start && end <= around.end,
        );
      }
      assert.deepEqual(attributes, { "cpu.logical_number": "0", "thread.id": "812" });
    }
  },
);

testUnless(NO_OTLP, "an export has what the kernel drops when vrouter is done", async () => {
  const bytes = await writtenBy(OTLP, { functions: FUNCTIONS, journeys: SOURCES }, (tree) => {
    new Scene({}, tree).play("vxlan_out", {
      events: {
        "before linux_rx_handler": (scene, place) => void scene.see(place, 21),
        "before __netif_receive_skb": () => {},
      },
    }).drop(
      { slot: 1, generation: 1, time: 2 ** 40 },
      { source: SOURCE_KERNEL, reason: 3, length: 60, bytes: new Uint8Array(60) },
    );
  });
  const [root, second] = (await spansOf(bytes)).spans.filter(isRoot);
  assert.equal(root!.attributes["vrouter.outcome"], "left");
  assert.equal(second!.attributes["error.type"], "3");
  assert.equal(second!.trace, root!.trace);
  assert.notEqual(second!.id, root!.id);
});
