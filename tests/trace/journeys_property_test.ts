import assert from "node:assert/strict";
import { DECIDED_NEXTHOP, NEXTHOP_ID } from "../../src/probe/decision_record.ts";
import { MAX_DECISIONS } from "../../src/trace/decision_list.ts";
import type { Journey } from "../../src/trace/journey.ts";
import { BOUNDARIES } from "../../src/trace/stages.ts";
import { MAX_STAGES } from "../../src/trace/timeline.ts";
import { feed } from "../support/call_records.ts";
import { FUNCTIONS, Scene, type ScenePacket } from "../support/journey_scene.ts";
import { forRandomCases } from "../support/property.ts";
import type { Random } from "../support/random.ts";

const NAMES = [...Object.keys(BOUNDARIES), "vm_rx", "nh_discard", "__netif_receive_skb"];
const MAXIMUM = 5;

/** Something random that a record may tell. */
function step(scene: Scene, random: Random, time: number, depth: Int32Array): void {
  const packet: ScenePacket = { slot: random.int(8), generation: random.pick([0, 1, 2, 255, 257]) };
  const task = random.int(3);
  const place = { ...packet, task, cpu: task, time };
  switch (random.int(12)) {
    case 0:
      scene.see(place, random.pick([0, 10, 21, 99]));
      break;
    case 1:
      scene.copy(place, { slot: random.int(8), generation: random.pick([0, 1, 2]) });
      break;
    case 2:
      scene.drop(place, {
        reason: random.pick([1, 17, 35, 21, 36, 44, 9999]),
        source: random.int(2),
      });
      break;
    case 3:
      scene.end(place);
      break;
    case 4:
      scene.decide(
        place,
        random.int(11),
        Object.fromEntries(
          Array.from({ length: 17 }, (_, at) => [7 + at, random.pick([0, 1, 2, 4, 6, 1029, -1])]),
        ),
      );
      break;
    case 5:
      if (random.int(8) === 0) scene.view.lost(random.int(4));
      else scene.view.expire(time);
      break;
    default: {
      const isEntry = random.int(2) === 0;
      depth[task] = Math.max(0, depth[task]! + (isEntry ? 1 : 0));
      feed(scene.tree, {
        kind: isEntry ? "entry" : "return",
        task,
        cpu: task,
        frame: 0x7fff_3ff0 - 0x10_0000 * task - 64 * (depth[task]! % 200),
        fn: FUNCTIONS.indexOf(random.pick(NAMES)),
        time: BigInt(time),
        ...packet,
      });
      if (!isEntry) depth[task] = Math.max(0, depth[task]! - 1);
    }
  }
}

function check(journey: Journey): void {
  const { stages, duration, decisions, number } = journey;
  assert.equal(stages.reduce((sum, stage) => sum + stage.duration, 0), duration);
  assert.ok(stages.length > 0 && stages.length <= MAX_STAGES);
  assert.ok(stages.every((stage) => Number.isSafeInteger(stage.duration) && stage.duration >= 0));
  assert.ok(decisions.length <= MAX_DECISIONS);
  assert.ok(number > 0 && journey.bytes.length <= 340);
}

for (const calls of [false, true]) {
  const what = calls ? "with their calls" : "without calls";
  Deno.test(`Journeys tells each that begins once, whatever happens, ${what}`, () => {
    let told = 0;
    forRandomCases(20261128, (random) => {
      const scene = new Scene({ calls, maximum: MAXIMUM });
      const depth = new Int32Array(3);
      // On a machine that has run for 200 days.
      let time = random.int(2) * 1.728e16;
      for (let count = random.int(400); count > 0; count--) {
        time += random.pick([-3, 0, 1, 1000, 2 ** 31, 2 ** 33]);
        step(scene, random, Math.max(0, time), depth);
        const { begun, told } = scene.view.totals;
        assert.ok(begun - told <= MAXIMUM);
      }
      scene.finish();
      const { begun, told: count } = scene.view.totals;
      assert.deepEqual([begun, count], [scene.journeys.length, scene.journeys.length]);
      const most = scene.tree.packets.begun;
      assert.ok(scene.journeys.every(({ number }) => number >= 1 && number <= most));
      scene.journeys.forEach(check);
      told += begun;
    }, 1000);
    console.log(`${told} journeys`);
    assert.ok(told > 1000);
  });
}

Deno.test("Journeys keeps a bounded number of stages, decisions and calls of a packet", () => {
  const scene = new Scene({ calls: true });
  const packet: ScenePacket = { slot: 1, generation: 1 };
  scene.see({ ...packet, time: 1 }, 21);
  let time = 1;
  const call = (name: string): void => {
    for (const kind of ["entry", "return"] as const) {
      const fn = FUNCTIONS.indexOf(name);
      feed(scene.tree, { kind, task: 0, cpu: 0, frame: 4096, fn, time: BigInt(++time), ...packet });
    }
  };
  for (let round = 0; round < 5000; round++) {
    call("vr_bridge_input");
    scene.decide({ ...packet, time }, DECIDED_NEXTHOP, { [NEXTHOP_ID]: round });
    call("nh_encap_l2");
  }
  call("eth_tx");
  const journey = scene.only;
  check(journey);
  // What becomes of it is told all the same.
  assert.equal(journey.outcome.type, "left");
  assert.deepEqual([journey.stages.length, journey.decisions.length], [MAX_STAGES, MAX_DECISIONS]);
  assert.equal(journey.isIncomplete, true);
  const { decisionsOmitted, stagesOmitted, callsOmitted } = scene.view.totals;
  assert.equal(decisionsOmitted, 5000 - MAX_DECISIONS);
  assert.ok(stagesOmitted > 9000);
  assert.equal(callsOmitted, 10_001 - journey.calls!.length / 2);
});
