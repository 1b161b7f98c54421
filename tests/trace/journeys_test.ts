import assert from "node:assert/strict";
import * as at from "../../src/probe/decision_record.ts";
import type { Journey, Outcome } from "../../src/trace/journey.ts";
import { key, nexthop } from "../support/decision_records.ts";
import {
  ECHO,
  idOf,
  PACKET,
  Scene,
  type SceneEvent,
  type ScenePacket,
  stagesOf,
  VIF_TYPE,
} from "../support/journey_scene.ts";
import { isInside, type TraceCall } from "../support/vrouter_traces.ts";

const [FAB0, TAP1] = [10, 21];
const VRF = at.DECISION_VRF;

const seen = (ifindex: number): SceneEvent => (scene, place) => void scene.see(place, ifindex);

/** The packet is given to a vif. */
const given = (index: number, type: keyof typeof VIF_TYPE): SceneEvent => (scene, place) =>
  void scene.decide(place, at.DECIDED_VIF, {
    [at.VIF_INDEX]: index,
    [at.VIF_TYPE]: VIF_TYPE[type],
    [at.VIF_TO_HOST]: type === "host" ? 1 : 0,
  });

const decided =
  (kind: number, ...fields: Readonly<Record<number, number>>[]): SceneEvent => (scene, place) =>
    void scene.decide(place, kind, Object.assign({}, ...fields));

const dropped = (reason: number): SceneEvent => (scene, place) =>
  void scene.drop(place, { reason });

const ended: SceneEvent = (scene, place) => void scene.end(place);

/** The MAC address of the echo's destination. */
const MAC = [2, 0, 0, 0, 0, 2];

const TO_TAP2: Readonly<Record<string, SceneEvent>> = {
  "before linux_rx_handler": seen(TAP1),
  "enter nh_output": (scene, place) => {
    decided(at.DECIDED_BRIDGE, { [VRF]: 1 }, key(MAC), nexthop(12, "Encap"))(scene, place);
    decided(at.DECIDED_NEXTHOP, { [VRF]: 1 }, nexthop(12, "Encap", { vif: 12, flags: 3 }))(
      scene,
      place,
    );
  },
  "enter linux_if_tx": given(12, "virtual"),
};

function types({ decisions }: Journey): string[] {
  return decisions.map(({ type }) => type);
}

function total({ stages }: Journey): number {
  return stages.reduce((sum, { duration }) => sum + duration, 0);
}

for (const small of [false, true]) {
  const set = small ? "the small set of functions" : "all functions";

  Deno.test(`Journeys tells a packet between two guests, from ${set}`, () => {
    const scene = new Scene().play("l2_request", { events: TO_TAP2, small });
    const journey = scene.only;
    assert.equal(
      stagesOf(journey),
      "rx 137404, flow 53168, nexthop 91887, encap 20129, tx 35663, qdisc 19930, tx 26479",
    );
    // From linux_rx_handler() until dev_hard_start_xmit() has returned.
    assert.equal(journey.duration, 950127 - 565467);
    assert.equal(journey.begin, 565467n);
    const { vif, vrf, device, length, number, parent, bytes } = journey;
    assert.deepEqual({ vif, vrf, device, length, number, parent, bytes }, {
      vif: { index: 11, device: "tap1" },
      vrf: 1,
      device: "tap1",
      length: 98,
      number: 1,
      parent: null,
      bytes: ECHO,
    });
    const expected: Outcome = {
      type: "delivered",
      to: "tap",
      vif: { index: 12, device: "tap2" },
      device: "tap2",
    };
    assert.deepEqual(journey.outcome, expected);
    assert.deepEqual(journey.decisions, [{
      type: "bridge",
      vrf: 1,
      key: "02:00:00:00:00:02",
      prefix: null,
      nexthop: {
        id: 12,
        type: "Encap",
        flags: ["Valid", "Policy"],
        vif: { index: 12, device: "tap2" },
        source: null,
        destination: null,
      },
      label: null,
    }]);
    assert.equal(journey.isIncomplete, false);
    // Freed by whoever received it, it is not told again.
    scene.end({ ...PACKET, time: 2_000_000 }).finish();
    assert.equal(scene.journeys.length, 1);
  });

  Deno.test(`Journeys tells a packet that a guest sends on as another one, from ${set}`, () => {
    const later = 2_000_000;
    for (const isSeen of [true, false]) {
      const scene = new Scene().play("l2_request", { events: TO_TAP2, small });
      const onItsWay = ECHO.with(22, ECHO[22]! - 1);
      const again: SceneEvent = (at, place) => {
        if (isSeen) at.see(place, 22, onItsWay);
      };
      scene.play("l2_request", {
        at: later,
        small,
        events: { ...TO_TAP2, "before linux_rx_handler": again },
      });
      const told = scene.journeys.map(({ id, number, vif, vrf, device, bytes, duration }) => {
        return { id, number, vif: vif?.index ?? null, vrf, device, bytes, duration };
      });
      const duration = 950127 - 565467;
      const first = { id: idOf(PACKET), vif: 11, vrf: 1, device: "tap1", bytes: ECHO, duration };
      const second = isSeen
        ? { ...first, vif: 12, device: "tap2", bytes: onItsWay }
        : { ...first, vif: null, device: null };
      assert.deepEqual(told, [{ ...first, number: 1 }, { ...second, number: 1 }]);
    }
  });

  Deno.test(`Journeys tells a packet into a tunnel, from ${set}`, () => {
    const scene = new Scene().play("vxlan_out", {
      small,
      events: {
        "before linux_rx_handler": seen(TAP1),
        "enter nh_output": (scene, place) => {
          const label = { [at.ROUTE_LABEL]: 5001, [at.ROUTE_LABEL_FLAGS]: 3 };
          decided(at.DECIDED_BRIDGE, { [VRF]: 1 }, key(MAC), nexthop(50, "Tunnel"), label)(
            scene,
            place,
          );
          const ends = { source: "172.16.0.1", destination: "172.16.0.2", flags: 0x81 };
          decided(at.DECIDED_NEXTHOP, { [VRF]: 1 }, nexthop(50, "Tunnel", ends))(scene, place);
        },
        "leave vr_has_to_fragment": decided(at.DECIDED_FRAGMENT, { [at.FRAGMENT_RESULT]: 0 }),
        "enter linux_if_tx": given(0, "physical"),
      },
    });
    const journey = scene.only;
    assert.deepEqual(journey.outcome, {
      type: "left",
      vif: { index: 0, device: "fab0" },
      device: "fab0",
    });
    assert.equal(total(journey), journey.duration);
    assert.deepEqual(journey.decisions, [{
      type: "bridge",
      vrf: 1,
      key: "02:00:00:00:00:02",
      prefix: null,
      nexthop: {
        id: 50,
        type: "Tunnel",
        flags: ["Valid", "Vxlan"],
        vif: null,
        source: "172.16.0.1",
        destination: "172.16.0.2",
      },
      label: 5001,
    }]);
  });

  Deno.test(`Journeys tells a packet from a tunnel, through RPS and GRO, from ${set}`, () => {
    const scene = new Scene().play("gre_in", {
      small,
      events: {
        "before linux_rx_handler": seen(FAB0),
        "enter nh_output": decided(at.DECIDED_NEXTHOP, { [VRF]: 0 }, nexthop(31, "Receive")),
        "enter nh_output 2": decided(
          at.DECIDED_NEXTHOP,
          { [VRF]: 1, [at.ROUTE_LABEL]: 25 },
          nexthop(11, "Encap", { vif: 11 }),
        ),
        "enter nh_output 3": decided(at.DECIDED_NEXTHOP, nexthop(11, "Encap", { vif: 11 })),
        "enter linux_if_tx": given(11, "virtual"),
      },
    });
    const journey = scene.only;
    assert.deepEqual(
      journey.stages.map(({ name }) => name),
      ["rx", "rps-queue", "rx", "nexthop", "flow", "nexthop", "encap", "gro", "nexthop"]
        .concat(["encap", "tx", "qdisc", "tx"]),
    );
    assert.equal(total(journey), journey.duration);
    assert.equal(journey.vif?.index, 0);
    assert.deepEqual(types(journey), ["nexthop", "vrf", "label"]);
    assert.deepEqual(journey.decisions[1], { type: "vrf", from: 0, to: 1 });
    const [, , label] = journey.decisions;
    assert.ok(label?.type === "label" && label.number === 25 && label.nexthop?.id === 11);
    assert.equal(journey.outcome.type, "delivered");
  });

  Deno.test(`Journeys tells a flood: the original is replicated, from ${set}`, () => {
    // The first copy is for the composite of the taps, which is replicated in its turn.
    const inner: ScenePacket = { slot: 2, generation: 1 };
    const toTap2: ScenePacket = { slot: 3, generation: 1 };
    const toTap3: ScenePacket = { slot: 4, generation: 1 };
    const packet = (call: TraceCall): ScenePacket => {
      if (isSelfOrInside(call, "nh_output", 3)) return toTap2;
      if (isSelfOrInside(call, "nh_output", 4)) return toTap3;
      return isSelfOrInside(call, "nh_output", 2) ? inner : PACKET;
    };
    const copy = (one: ScenePacket): SceneEvent => (scene, place) =>
      void scene.copy({ ...place, ...one }, place);
    const scene = new Scene().play("arp_flood", {
      small,
      packet,
      events: {
        "before linux_rx_handler": seen(TAP1),
        "leave skb_clone": copy(inner),
        "leave skb_clone 2": copy(toTap2),
        "leave skb_clone 3": copy(toTap3),
        "enter linux_if_tx": given(12, "virtual"),
        "enter linux_if_tx 2": given(13, "virtual"),
        "enter lh_pfree": dropped(35),
        "enter lh_pfree 2": dropped(35),
        "enter skb_release_head_state": ended,
        "enter skb_release_head_state 2": ended,
      },
    });
    const told = scene.journeys.map(({ id, parent, parentNumber, outcome }) => [
      id,
      parent,
      parentNumber,
      outcome.type === "delivered"
        ? outcome.vif?.index
        : outcome.type === "replicated" && outcome.copies,
    ]);
    const ids = [PACKET, inner, toTap2, toTap3].map(idOf);
    assert.deepEqual(told, [
      [ids[2], ids[1], 2, 12],
      [ids[3], ids[1], 2, 13],
      [ids[1], ids[0], 1, 2],
      [ids[0], null, null, 1],
    ]);
    for (const journey of scene.journeys) assert.equal(total(journey), journey.duration);
    // Copies came in where the original did.
    assert.ok(scene.journeys.every(({ vif }) => vif?.index === 11));
  });

  Deno.test(`Journeys tells a packet whose TTL expires as trapped, from ${set}`, () => {
    const copy: ScenePacket = { slot: 7, generation: 3 };
    const scene = new Scene().play("drop_ttl", {
      small,
      packet: (call) => isSelfOrInside(call, "agent_tx") ? copy : PACKET,
      events: {
        "before linux_rx_handler": seen(TAP1),
        "enter vr_trap": decided(at.DECIDED_TRAP, { [VRF]: 1, [at.TRAP_REASON]: 12 }),
        "enter lh_pfree": dropped(17),
        "enter skb_release_head_state": ended,
        // Made by vrouter itself, it is seen when it is sent.
        "leave lh_pfree": (scene, place) =>
          void scene.see({ ...place, ...copy }, 0, new Uint8Array()),
        "enter linux_if_tx": given(2, "agent"),
      },
    });
    const sent = scene.journeys.find(({ id }) => id === idOf(copy))!;
    const original = scene.journeys.find(({ id }) => id === idOf(PACKET))!;
    assert.equal(scene.journeys.length, 2);
    assert.deepEqual(original.outcome, { type: "trapped", reason: "ZERO_TTL", answer: null });
    assert.deepEqual(original.decisions, [{ type: "trap", vrf: 1, reason: "ZERO_TTL" }]);
    assert.equal(sent.outcome.type === "delivered" && sent.outcome.to, "agent");
    assert.deepEqual([sent.parent, sent.parentNumber], [original.id, original.number]);
    // Its own headers are not set when it is seen.
    const { vif, vrf, length, bytes } = original;
    assert.deepEqual([sent.vif, sent.vrf, sent.length, sent.bytes], [vif, vrf, length, bytes]);
  });

  Deno.test(`Journeys tells a packet on hold until the agent has decided, from ${set}`, () => {
    const clone: ScenePacket = { slot: 2, generation: 1 };
    const copy: ScenePacket = { slot: 3, generation: 1 };
    const flow = (action: number, result: number): SceneEvent =>
      decided(at.DECIDED_FLOW, {
        [at.FLOW_INDEX]: 184224,
        [at.FLOW_REVERSE]: 512,
        [at.FLOW_ACTION]: action,
        [at.FLOW_RESULT]: result,
      });
    // What vr_flow_lookup() returns with does not lead to the entry.
    const lookedUp = (result: number): SceneEvent =>
      decided(at.DECIDED_FLOW, { [at.FLOW_INDEX]: 184224, [at.FLOW_RESULT]: result });
    const scene = new Scene().play("flow_hold_trap", {
      small,
      packet: (call) => {
        if (isSelfOrInside(call, "agent_tx")) return copy;
        return isInside(call, "vr_trap_flow") && call.fn !== "lh_pclone" ? clone : PACKET;
      },
      events: {
        "before linux_rx_handler": seen(TAP1),
        "leave skb_clone": (scene, place) => void scene.copy({ ...place, ...clone }, PACKET),
        "enter vr_trap": decided(at.DECIDED_TRAP, { [VRF]: 1, [at.TRAP_REASON]: 6 }),
        "enter lh_pfree": dropped(17),
        "enter skb_release_head_state": ended,
        "leave lh_pfree": (scene, place) => void scene.see({ ...place, ...copy }, 0),
        "enter linux_if_tx": given(2, "agent"),
        "leave vr_flow_lookup": lookedUp(0),
      },
    });
    // The clone waits for the agent's answer, the original on hold.
    assert.deepEqual(scene.journeys.map(({ id }) => id), [idOf(copy)]);
    const reply: ScenePacket = { slot: 9, generation: 1 };
    const start = 900_000_000;
    scene.play("flow_set_forward_reinject", {
      at: start,
      small,
      task: 88,
      packet: (call) => isSelfOrInside(call, "__netif_receive_skb") ? reply : PACKET,
      events: {
        "leave vr_flow_action": (scene, place) => {
          flow(2, 1)(scene, place);
          lookedUp(1)(scene, place);
        },
        "enter nh_output": decided(
          at.DECIDED_NEXTHOP,
          nexthop(12, "Encap", { vif: 12 }),
          { [VRF]: 1 },
        ),
        "enter linux_if_tx": given(12, "virtual"),
        "before linux_rx_handler": seen(22),
        "enter linux_if_tx 2": given(11, "virtual"),
      },
    });
    const [, trapped, ...others] = scene.journeys;
    assert.equal(trapped?.id, idOf(clone));
    assert.deepEqual(trapped.outcome, {
      type: "trapped",
      reason: "FLOW_MISS",
      answer: `Action:F after ${((start + 3_385_319 - 4_421_671) / 1e6).toFixed(2)} ms`,
    });
    const held = others.find(({ id }) => id === idOf(PACKET))!;
    assert.equal(others.length, 2);
    const hold = held.stages.find(({ name }) => name === "hold");
    // From vr_flow_fill_pnode() to vr_flow_action() of the work queue.
    assert.equal(hold?.duration, start - 3_746_466);
    assert.equal(held.duration, start + 3_724_454 - 1_659_069);
    assert.equal(total(held), held.duration);
    assert.deepEqual(held.outcome, {
      type: "delivered",
      to: "tap",
      vif: { index: 12, device: "tap2" },
      device: "tap2",
    });
    assert.deepEqual(
      held.decisions.map((one) =>
        one.type === "flow" ? `${one.reverse} ${one.action} ${one.result}` : one.type
      ),
      ["null H FLOW_HELD", "512 F FLOW_FORWARD", "nexthop"],
    );
  });

  const drops = [
    { trace: "drop_discard_nh", ifindex: TAP1, reason: 1, label: "Discards" },
    { trace: "drop_flow_action", ifindex: TAP1, reason: 11, label: "Flow Action Drop" },
    {
      trace: "drop_flow_queue_limit",
      ifindex: TAP1,
      reason: 7,
      label: "Flow Queue Limit Exceeded",
    },
    { trace: "drop_invalid_label", ifindex: FAB0, reason: 21, label: "Invalid Label" },
    { trace: "drop_invalid_vnid", ifindex: FAB0, reason: 36, label: "Invalid VNID" },
    { trace: "drop_no_route", ifindex: TAP1, reason: 1, label: "Discards" },
    { trace: "drop_reinject", ifindex: TAP1, reason: 39, label: "No L2 Route" },
    { trace: "drop_unknown_mac", ifindex: TAP1, reason: 39, label: "No L2 Route" },
  ];
  for (const { trace, ifindex, reason, label } of drops) {
    Deno.test(`Journeys tells the drop of ${trace}, from ${set}`, () => {
      const scene = new Scene();
      scene.see({ ...PACKET, time: 0 }, ifindex);
      scene.play(trace, {
        small,
        events: { "enter lh_pfree": dropped(reason), "enter skb_release_head_state": ended },
      });
      const { outcome, stages, duration, begin } = scene.only;
      assert.ok(outcome.type === "dropped");
      assert.equal(outcome.drop.reason.label, label);
      assert.ok(stages.length > 0);
      assert.equal(begin + BigInt(duration), outcome.drop.time);
      assert.equal(total(scene.only), duration);
    });
  }

  Deno.test(`Journeys tells what the host sends and receives, from ${set}`, () => {
    const reply: ScenePacket = { slot: 2, generation: 1 };
    const scene = new Scene().see({ ...PACKET, time: 0 }, 11).play("host_underlay", {
      small,
      packet: (call) =>
        isSelfOrInside(call, "__netif_receive_skb") ||
          isSelfOrInside(call, "__netif_receive_skb", 2) ||
          isSelfOrInside(call, "__netif_receive_skb", 3)
          ? reply
          : PACKET,
      events: {
        "enter linux_if_tx": given(0, "physical"),
        "before linux_rx_handler": seen(FAB0),
        "enter linux_if_rx": given(1, "host"),
      },
    });
    const [received, sent] = [reply, PACKET].map((one) =>
      scene.journeys.find(({ id }) => id === idOf(one))!
    );
    assert.deepEqual(received!.outcome, {
      type: "delivered",
      to: "host",
      vif: { index: 1, device: "vhost0" },
      device: "vhost0",
    });
    assert.equal(sent!.outcome.type, "left");
    assert.equal(sent!.stages[0]?.name, "rx");
    for (const journey of scene.journeys) assert.equal(total(journey), journey.duration);
  });
}

function isSelfOrInside(call: TraceCall, fn: string, nth = 1): boolean {
  return (call.fn === fn && call.nth === nth) || isInside(call, fn, nth);
}
