import assert from "node:assert/strict";
import { PACKET_FUNCTIONS } from "../../src/probe/packet_functions.ts";
import { AFTER_HOLD, BOUNDARIES } from "../../src/trace/stages.ts";
import { idOf, PACKET, Scene, stagesOf } from "../support/journey_scene.ts";
import { vrouterTraces } from "../support/vrouter_traces.ts";

Deno.test("every function between stages is among those that a trace of packets probes", () => {
  const probes = new Map(PACKET_FUNCTIONS.map((probe) => [probe.name, probe]));
  const missing = Object.keys(BOUNDARIES).filter((name) => !probes.has(name));
  assert.deepEqual(missing, []);
  const ending = Object.entries(BOUNDARIES).filter(([, { returns, hands }]) => returns || hands);
  assert.ok(ending.length >= 3);
  for (const [name] of [...ending, ["linux_rx_handler"]]) {
    assert.ok(probes.get(name!)?.returns, name);
  }
  for (const name of AFTER_HOLD) assert.ok(Object.hasOwn(BOUNDARIES, name), name);
});

for (const trace of vrouterTraces()) {
  Deno.test(`the stages of ${trace} are the same however many functions are traced`, () => {
    const [all, small] = [false, true].map((small) => {
      const scene = new Scene().see({ ...PACKET, time: 0 }, 21).play(trace, { small }).finish();
      // Without records of drops and copies, what one packet is called for stands for others, too.
      return scene.journeys.map((journey) => {
        assert.equal(journey.id, idOf(PACKET));
        const sum = journey.stages.reduce((total, { duration }) => total + duration, 0);
        assert.equal(sum, journey.duration);
        return `${journey.begin} ${stagesOf(journey)}, ${journey.outcome.type}`;
      });
    });
    assert.deepEqual(small, all);
    assert.ok(all!.length > 0);
  });
}
