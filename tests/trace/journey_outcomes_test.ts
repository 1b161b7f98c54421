import assert from "node:assert/strict";
import * as at from "../../src/probe/decision_record.ts";
import { SOURCE_KERNEL } from "../../src/probe/packet_record.ts";
import type { Journey } from "../../src/trace/journey.ts";
import type { JourneysOptions } from "../../src/trace/journeys.ts";
import { droppedBy } from "../../src/trace/outcome.ts";
import { feed } from "../support/call_records.ts";
import { FUNCTIONS, Scene, type ScenePacket, VIF_TYPE } from "../support/journey_scene.ts";
import { key, nexthop } from "../support/decision_records.ts";
import { ethernet, ipv4, label, udp, vxlan } from "../support/packets.ts";

const ONE: ScenePacket = { slot: 1, generation: 1 };
const TWO: ScenePacket = { slot: 2, generation: 1 };
const TAP1 = 21;

/** Calls one after the other, a microsecond apart. */
class Calls extends Scene {
  now = 0;
  readonly #depth = new Map<number, number>();

  constructor(options: JourneysOptions = {}) {
    super(options);
  }

  place(packet: ScenePacket, task = 0): ScenePacket & { time: number; task: number } {
    this.now += 1000;
    return { ...packet, time: this.now, task };
  }

  enter(fn: string, packet = ONE, task = 0): this {
    const depth = (this.#depth.get(task) ?? 0) + 1;
    this.#depth.set(task, depth);
    return this.#feed("entry", fn, packet, task, depth);
  }

  leave(fn: string, packet = ONE, task = 0): this {
    const depth = this.#depth.get(task)!;
    this.#depth.set(task, depth - 1);
    return this.#feed("return", fn, packet, task, depth);
  }

  call(fn: string, packet = ONE, task = 0): this {
    return this.enter(fn, packet, task).leave(fn, packet, task);
  }

  /** Comes in, by tap1. */
  come(packet = ONE): this {
    return this.see(this.place(packet), TAP1).enter("linux_rx_handler", packet);
  }

  to(index: number, type: keyof typeof VIF_TYPE, packet = ONE): this {
    return this.decide(this.place(packet), at.DECIDED_VIF, {
      [at.VIF_INDEX]: index,
      [at.VIF_TYPE]: VIF_TYPE[type],
      [at.VIF_TO_HOST]: 0,
    });
  }

  #feed(
    kind: "entry" | "return",
    fn: string,
    packet: ScenePacket,
    task: number,
    depth: number,
  ): this {
    const { time, slot, generation } = this.place(packet, task);
    const frame = 0x7fff_3ff0 - 0x10_0000 * task - 64 * depth;
    const index = FUNCTIONS.indexOf(fn);
    assert.ok(index >= 0, fn);
    feed(this.tree, {
      kind,
      task,
      cpu: task,
      frame,
      fn: index,
      time: BigInt(time),
      slot,
      generation,
    });
    return this;
  }
}

function outcomes({ journeys }: Scene): string[] {
  return journeys.map(({ outcome }) => outcome.type);
}

function names({ stages }: Journey): string {
  return stages.map(({ name }) => name).join();
}

Deno.test("a packet that GRO takes apart ends there, and one that it passes on goes on", () => {
  const scene = new Calls().come().enter("nh_output").enter("lh_gro_process");
  scene.call("linux_get_rxq").leave("lh_gro_process").leave("nh_output").leave("linux_rx_handler");
  scene.end(scene.place(ONE));
  assert.equal(names(scene.only), "rx,nexthop,gro");
  assert.deepEqual(scene.only.outcome, { type: "consumed by GRO" });
});

Deno.test("a packet that GRO has put into the list of another one is freed with that", () => {
  const scene = new Calls().come().enter("lh_gro_process").leave("lh_gro_process");
  scene.drop(scene.place(ONE, 3), { source: SOURCE_KERNEL });
  assert.deepEqual(outcomes(scene), ["consumed by GRO"]);
  const whole = new Calls().come().enter("eth_tx").enter("__dev_queue_xmit");
  whole.drop(whole.place(ONE), { source: SOURCE_KERNEL });
  const { outcome } = whole.only;
  assert.ok(outcome.type === "dropped");
  const history = { copies: 0, trap: null, isHeld: false, isInGro: true };
  for (
    const [stack, type] of [
      [["kfree_skb_list_reason", "skb_release_data", "consume_skb"], "consumed by GRO"],
      [["__netif_receive_skb_core", "netif_receive_skb"], "dropped"],
    ] as const
  ) assert.equal(droppedBy({ ...outcome.drop, stack }, history).type, type);
});

Deno.test("a packet that waits for RPS, a queue or GRO when the trace ends is inside", () => {
  for (
    const [waits, fn] of [
      ["rps-queue", "linux_get_rxq"],
      ["qdisc", "__dev_queue_xmit"],
      ["gro", "lh_gro_process"],
    ]
  ) {
    const scene = new Calls().come();
    if (fn === "__dev_queue_xmit") scene.enter("eth_tx").call(fn!).leave("eth_tx");
    else scene.call(fn!);
    scene.leave("linux_rx_handler");
    assert.deepEqual(scene.journeys, []);
    scene.finish();
    assert.equal(scene.only.stages.at(-1)?.name, waits);
    assert.deepEqual(scene.only.outcome, { type: "inside" });
  }
});

Deno.test("a packet that linux_rx_handler() has done nothing with waits for RPS", () => {
  const scene = new Calls().come().leave("linux_rx_handler");
  scene.enter("pkt_rps_dev_rx_handler").enter("linux_rx_handler").finish();
  assert.equal(names(scene.only), "rx,rps-queue,rx");
});

Deno.test("another CPU may take a packet before linux_rx_handler() has returned", () => {
  for (const nested of [false, true]) {
    const scene = new Calls().come().call("linux_get_rxq");
    scene.enter("pkt_rps_dev_rx_handler", ONE, 5);
    if (nested) scene.enter("linux_rx_handler", ONE, 5);
    scene.leave("linux_rx_handler");
    scene.enter("vr_ip_input", ONE, 5).finish();
    assert.equal(names(scene.only), "rx,rps-queue,rx,nexthop");
  }
});

Deno.test("a packet that a queue gives to its device later leaves then", () => {
  const scene = new Calls().come().enter("eth_tx").to(0, "physical").call("__dev_queue_xmit");
  scene.leave("eth_tx").leave("linux_rx_handler");
  const queued = scene.now;
  scene.now += 1_000_000;
  scene.call("dev_hard_start_xmit", ONE, 7);
  assert.equal(names(scene.only), "rx,tx,qdisc,tx");
  assert.ok(scene.only.stages[2]!.duration > 1_000_000);
  assert.equal(scene.only.begin + BigInt(scene.only.duration), BigInt(scene.now));
  assert.ok(queued < scene.now);
  assert.equal(scene.only.outcome.type, "left");
});

Deno.test("a packet that a queue drops is dropped", () => {
  const scene = new Calls().come().enter("eth_tx").to(0, "physical").enter("__dev_queue_xmit");
  scene.drop(scene.place(ONE), { reason: 5, source: SOURCE_KERNEL });
  assert.ok(scene.only.outcome.type === "dropped" && scene.only.outcome.drop.source === "kernel");
  assert.equal(names(scene.only), "rx,tx,qdisc");
});

Deno.test("what becomes of a packet that a device has taken is no longer of interest", () => {
  const away = (): Calls =>
    new Calls().come().enter("eth_tx").to(12, "virtual").enter("dev_hard_start_xmit");
  // By the driver, in that call.
  const driver = away();
  driver.drop(driver.place(ONE), { source: SOURCE_KERNEL });
  assert.deepEqual(outcomes(driver), ["dropped"]);
  // By the guest, on another CPU.
  const guest = away();
  guest.drop(guest.place(ONE, 5), { source: SOURCE_KERNEL });
  assert.deepEqual(outcomes(guest), ["delivered"]);
  // Received, and freed, before the call returns.
  const freed = away();
  freed.end(freed.place(ONE, 5)).leave("dev_hard_start_xmit");
  assert.deepEqual(outcomes(freed.finish()), ["delivered"]);
});

Deno.test("a packet has the number of all views, whatever came before it and did not come in", () => {
  const scene = new Calls();
  scene.see({ slot: 40, generation: 7, time: 1 }, 21);
  scene.come().enter("eth_tx").to(12, "virtual").enter("dev_hard_start_xmit");
  scene.leave("dev_hard_start_xmit").finish();
  assert.equal(scene.only.number, 2);
  assert.equal(scene.tree.packets.numberOf(scene.only.id), 2);
});

Deno.test("a packet that a guest sends on is another journey of the same packet", () => {
  for (const early of [false, true]) {
    const scene = new Calls().come().enter("eth_tx").to(12, "virtual").enter("dev_hard_start_xmit");
    if (early) {
      // On another CPU, before the call has returned.
      scene.enter("linux_rx_handler", ONE, 5).leave("dev_hard_start_xmit");
    } else {
      scene.leave("dev_hard_start_xmit");
      // The guest's own device.
      scene.call("__dev_queue_xmit", ONE, 5).call("dev_hard_start_xmit", ONE, 5);
      scene.enter("linux_rx_handler", ONE, 5);
    }
    assert.deepEqual(outcomes(scene), ["delivered"]);
    scene.call("vr_bridge_input", ONE, 5);
    scene.drop(scene.place(ONE, 5), { reason: 39 }).finish();
    const [first, second] = scene.journeys;
    assert.deepEqual(outcomes(scene), ["delivered", "dropped"]);
    assert.equal(second!.id, first!.id);
    assert.deepEqual([first!.number, second!.number], [1, 1]);
    // It came in elsewhere, which no record tells.
    assert.deepEqual([first!.vif?.index, second!.vif], [11, null]);
  }
});

Deno.test("a packet whose slot another one takes is lost from sight", () => {
  const scene = new Calls().come();
  scene.see(scene.place({ slot: 1, generation: 2 }), TAP1);
  assert.deepEqual(scene.only.outcome, { type: "lost from sight" });
  assert.equal(scene.view.totals.outOfSight, 1);
  // If the record that tells so is lost, its calls do.
  const other = new Calls().come().call("vm_rx", { slot: 1, generation: 9 });
  assert.deepEqual(outcomes(other), []);
  other.call("linux_rx_handler", { slot: 1, generation: 9 });
  assert.deepEqual(other.only.outcome, { type: "lost from sight" });
  assert.equal(other.view.totals.unknown, 1);
});

Deno.test("the packet that has been on its way longest is given up for another one", () => {
  const scene = new Calls({ maximum: 2 });
  for (const slot of [1, 2, 3]) scene.come({ slot, generation: 1 });
  assert.deepEqual(scene.only.outcome, { type: "lost from sight" });
  assert.equal(scene.only.number, 1);
  const { givenUp, outOfSight } = scene.view.totals;
  assert.deepEqual([givenUp, outOfSight], [1, 0]);
});

Deno.test("packets on their way when records are lost are incomplete, and those before and after not", () => {
  const scene = new Calls().come();
  scene.drop(scene.place(ONE), { reason: 1 });
  scene.come(TWO);
  // Two more records may precede the loss.
  scene.view.lost(2);
  scene.come({ slot: 3, generation: 1 });
  scene.come({ slot: 4, generation: 1 });
  scene.finish();
  assert.deepEqual(scene.journeys.map(({ isIncomplete }) => isIncomplete), [
    false,
    true,
    true,
    false,
  ]);
});

Deno.test("a packet on hold at the end is held; one that is freed there is evicted", () => {
  const held = (): Calls => {
    const scene = new Calls().come().enter("vr_flow_forward").call("vr_flow_fill_pnode");
    // Of the packet, too, but it has been parked.
    return scene.leave("vr_flow_forward").leave("linux_rx_handler");
  };
  assert.deepEqual(held().finish().only.outcome, { type: "held", evicted: false });
  assert.equal(names(held().finish().only), "rx,flow,hold");
  const freed = held();
  freed.end(freed.place(ONE));
  assert.deepEqual(freed.only.outcome, { type: "held", evicted: true });
  const evicted = held();
  evicted.drop(evicted.place(ONE), { reason: 44 });
  assert.deepEqual(evicted.only.outcome, { type: "held", evicted: true });
  // For other reasons its drop tells more, such as that its vif is gone.
  const dropped = held();
  dropped.drop(dropped.place(ONE), { reason: 3 });
  assert.deepEqual(outcomes(dropped), ["dropped"]);
  const denied = held().enter("vr_flow_action", ONE, 9);
  denied.drop(denied.place(ONE, 9), { reason: 11 });
  assert.deepEqual([outcomes(denied), names(denied.only)], [["dropped"], "rx,flow,hold,flow"]);
});

Deno.test("the agent may answer before the functions have returned that put a packet on hold", () => {
  const scene = new Calls().come().enter("vr_flow_forward").call("vr_flow_fill_pnode");
  scene.enter("vr_flow_action", ONE, 9).leave("vr_flow_forward").leave("vr_flow_action", ONE, 9);
  scene.enter("vr_reinject_packet", ONE, 9).finish();
  assert.equal(names(scene.only), "rx,flow,hold,flow,nexthop");
  // From vr_flow_action() to vr_reinject_packet(), three records later.
  assert.equal(scene.only.stages[3]!.duration, 3000);
});

Deno.test("what a flow's entry shows may be recorded before the call that ends the wait", () => {
  const scene = new Calls().come().enter("vr_flow_forward").call("vr_flow_fill_pnode");
  scene.leave("vr_flow_forward").leave("linux_rx_handler");
  const decide = (action: number, result?: number): void => {
    scene.decide(scene.place(ONE, 7), at.DECIDED_FLOW, {
      [at.FLOW_INDEX]: 5,
      [at.FLOW_ACTION]: action,
      ...(result === undefined ? {} : { [at.FLOW_RESULT]: result }),
    });
  };
  decide(2);
  scene.enter("vr_flow_action", ONE, 7);
  decide(2, 1);
  scene.leave("vr_flow_action", ONE, 7).enter("vr_reinject_packet", ONE, 7);
  const [journey] = scene.finish().journeys;
  const { decisions } = journey!;
  assert.deepEqual(
    decisions.map((one) => one.type === "flow" && [one.action, one.result]),
    [["F", "FLOW_FORWARD"]],
  );
});

Deno.test("a trapped packet waits for the agent's answer for three seconds", () => {
  const trapped = (): Calls => {
    const scene = new Calls().come().enter("vr_flow_forward").call("vr_flow_fill_pnode");
    scene.copy(scene.place(TWO), ONE);
    scene.decide(scene.place(TWO), at.DECIDED_TRAP, { [at.TRAP_REASON]: 6 });
    return scene.drop(scene.place(TWO), { reason: 17 });
  };
  const silent = trapped();
  assert.deepEqual(outcomes(silent), []);
  silent.view.expire(silent.now + 2_999_999_999);
  assert.deepEqual(outcomes(silent), []);
  silent.view.expire(silent.now + 3_000_000_000);
  assert.deepEqual(silent.only.outcome, { type: "trapped", reason: "FLOW_MISS", answer: null });
  const answered = trapped();
  answered.now += 2_000_000;
  answered.decide(answered.place(ONE, 9), at.DECIDED_FLOW, {
    [at.FLOW_INDEX]: 7,
    [at.FLOW_ACTION]: 0,
    [at.FLOW_REASON]: 17 + 6,
  });
  assert.deepEqual(answered.only.outcome, {
    type: "trapped",
    reason: "FLOW_MISS",
    answer: "Action:D(SG) after 2.00 ms",
  });
});

Deno.test("a packet from the agent is in no VRF before a nexthop has put it into one", () => {
  const scene = new Calls().see({ ...ONE, time: 1 }, 12).enter("linux_rx_handler");
  scene.finish();
  assert.deepEqual([scene.only.vif?.index, scene.only.vrf], [2, null]);
  const sent = new Calls().see({ ...ONE, time: 1 }, 12).enter("linux_rx_handler");
  sent.decide(sent.place(ONE), at.DECIDED_NEXTHOP, {
    [at.DECISION_VRF]: 3,
    ...nexthop(12, "Encap"),
  });
  sent.finish();
  assert.equal(sent.only.vrf, 3);
  assert.deepEqual(sent.only.decisions.map(({ type }) => type), ["nexthop"]);
});

Deno.test("a label or VNI that is not known is a decision that leads nowhere", () => {
  const inside = ipv4(1, [10, 1, 1, 1], [10, 1, 1, 2], []);
  const [from, to] = [[172, 16, 0, 2], [172, 16, 0, 1]];
  for (
    const [reason, payload, decision] of [
      [21, udp(50_000, 6635, [...label(777, true), ...inside]), { type: "label", number: 777 }],
      [36, udp(50_000, 4789, vxlan(6001, ethernet(0x0800, inside))), { type: "vni", number: 6001 }],
    ] as const
  ) {
    const scene = new Calls();
    const frame = Uint8Array.from(ethernet(0x0800, ipv4(17, from, to, payload)));
    scene.see(scene.place(ONE), 10, frame).enter("linux_rx_handler").enter("vr_vxlan_input");
    scene.drop(scene.place(ONE), { reason });
    assert.deepEqual(scene.only.decisions, [{ ...decision, nexthop: null }]);
  }
});

Deno.test("lookups of where a packet comes from are not decisions about it", () => {
  const scene = new Calls().come().enter("vr_bridge_input");
  const look = (kind: number, address: readonly number[]): void =>
    void scene.decide(scene.place(ONE), kind, {
      [at.DECISION_VRF]: 1,
      [at.PREFIX_FAMILY]: 2,
      ...key(address),
      ...nexthop(12, "Encap"),
    });
  // To learn its address, and to choose among ECMP's members; each is followed by that of the packet.
  look(at.DECIDED_BRIDGE, [2, 0, 0, 0, 0, 1]);
  look(at.DECIDED_BRIDGE, [2, 0, 0, 0, 0, 2]);
  look(at.DECIDED_PREFIX, [10, 1, 1, 1]);
  look(at.DECIDED_PREFIX, [10, 1, 1, 2]);
  // Of the address that NAT has made of it.
  look(at.DECIDED_PREFIX, [10, 2, 0, 9]);
  scene.finish();
  const keys = scene.only.decisions.map((one) => "key" in one && one.key);
  assert.deepEqual(keys, ["02:00:00:00:00:02", "10.1.1.2", "10.2.0.9"]);
});

Deno.test("segments leave with the packet that they are of, and copies for tcpdump are nothing", () => {
  const scene = new Calls().come().enter("eth_tx").to(0, "physical");
  const [first, second, other]: ScenePacket[] = [2, 3, 4].map((slot) => ({ slot, generation: 1 }));
  scene.enter("__dev_queue_xmit").copy(scene.place(first!), ONE).copy(scene.place(second!), ONE);
  scene.end(scene.place(ONE));
  scene.enter("dev_hard_start_xmit", first!);
  scene.copy(scene.place(other!), first!);
  scene.end(scene.place(other!)).leave("dev_hard_start_xmit", first!);
  // The driver frees the others when it has sent them.
  scene.end(scene.place(second!)).finish();
  assert.deepEqual(scene.journeys.map(({ number, outcome }) => [number, outcome.type]), [
    [1, "replicated"],
    [2, "left"],
    [3, "left"],
  ]);
  assert.ok(
    scene.journeys.every(({ outcome }) => outcome.type !== "left" || outcome.vif?.index === 0),
  );
});

Deno.test("a packet's calls are told to a view of call trees", () => {
  const scene = new Calls({ calls: true });
  scene.see(scene.place(ONE), TAP1).enter("__netif_receive_skb").enter("linux_rx_handler");
  scene.enter("vm_rx", TWO).leave("vm_rx", TWO).enter("eth_tx").to(12, "virtual");
  scene.call("dev_hard_start_xmit").leave("eth_tx").leave("linux_rx_handler");
  // It is delivered, but its calls go on.
  assert.deepEqual(scene.journeys, []);
  scene.leave("__netif_receive_skb");
  const lines: string[] = [];
  const row = (text: string, { depth }: { depth: number }): void =>
    void lines.push("  ".repeat(depth) + text);
  scene.only.calls!.replay({
    enter: (step) => row(FUNCTIONS[step.fn]!, step),
    leave: (step) => row(`/${FUNCTIONS[step.fn]}`, step),
    abandon: (step, why) => row(why, step),
    orphan: () => assert.fail(),
  });
  assert.deepEqual(lines, [
    "__netif_receive_skb",
    "  linux_rx_handler",
    "    eth_tx",
    "      dev_hard_start_xmit",
    "      /dev_hard_start_xmit",
    "    /eth_tx",
    "  /linux_rx_handler",
    "/__netif_receive_skb",
  ]);
});
