import assert from "node:assert/strict";
import { type LoopSurroundings, LoopWatch } from "../../src/trace/loop_watch.ts";
import { Random } from "../support/random.ts";

const STEP_MS = 10;

/** A host whose traffic is a function of time and of the trace's output. */
class Host implements LoopSurroundings {
  time = 0;
  count = 0;
  missing = 0;
  held = false;
  heldMs = 0;
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  now(): number {
    return this.time;
  }

  events(): number {
    return this.count;
  }

  lost(): number {
    return this.missing;
  }

  hold(held: boolean): void {
    this.held = held;
  }

  random(): number {
    return this.#random.int(1000) / 1000;
  }

  /**
   * Simulates a period of time.
   *
   * @param rate current number of events per millisecond
   * @returns the time at which a loop was detected; `null` if none was
   */
  run(milliseconds: number, rate: (host: Host) => number): number | null {
    let found: number | null = null;
    const watch = new LoopWatch(this, () => found ??= this.time);
    while (this.time < milliseconds && found === null) {
      this.time += STEP_MS;
      if (this.held) this.heldMs += STEP_MS;
      this.count += rate(this) * STEP_MS;
      watch.turn();
    }
    watch.stop();
    assert.equal(this.held, false);
    return found;
  }
}

/** Traffic caused by the output: `gain` events per millisecond while it is written, then decaying. */
function loop(ceiling: number, ebbMs: number): (host: Host) => number {
  let level = 1;
  return (host) => {
    level = host.held ? level * Math.exp(-STEP_MS / ebbMs) : Math.min(ceiling, level * 2 + 1);
    return level;
  };
}

Deno.test("A trace that feeds itself is found within seconds, fast or slow, beside other traffic", () => {
  for (const ceiling of [5, 50, 1000]) {
    for (const ebbMs of [1, 20, 60]) {
      for (const other of [0, ceiling / 8]) {
        const host = new Host(1);
        const feeding = loop(ceiling, ebbMs);
        const found = host.run(60_000, (at) => feeding(at) + other);
        assert.ok(found !== null && found < 9000, `${ceiling} ${ebbMs} ${other}: ${found}`);
      }
    }
  }
});

Deno.test("A loop over a slow link, with much on its way, is found with more patience", () => {
  const found = new Host(1).run(120_000, loop(100, 500));
  assert.ok(found !== null && found < 40_000, `${found}`);
});

Deno.test("A busy host is none, and its output is hardly ever held back", () => {
  const host = new Host(1);
  assert.equal(host.run(3_600_000, () => 100), null);
  assert.ok(host.heldMs < 60_000, `${host.heldMs} ms of an hour`);
});

Deno.test("Traffic that comes and goes is none, in a day, whatever its rhythm", () => {
  for (
    const [on, off] of [[100, 100], [500, 500], [1000, 500], [2000, 400], [3000, 1000]] as const
  ) {
    const host = new Host(on + off);
    const found = host.run(86_400_000, ({ time }) => time % (on + off) < on ? 100 : 0);
    assert.equal(found, null, `${on} ms on, ${off} ms off`);
  }
});

Deno.test("Bursts at random are none, in a day", () => {
  const random = new Random(20261125);
  const host = new Host(2);
  let until = 0;
  let level = 0;
  const found = host.run(86_400_000, ({ time }) => {
    if (time >= until) {
      until = time + random.int(3000);
      level = random.int(3) === 0 ? 0 : 10 + random.int(200);
    }
    return level;
  });
  assert.equal(found, null);
});

Deno.test("Few events are no matter", () => {
  const host = new Host(1);
  assert.equal(host.run(600_000, loop(1, 10)), null);
  assert.equal(host.heldMs, 0);
});

Deno.test("The output is no longer held once that would lose events", () => {
  const host = new Host(1);
  const found = host.run(60_000, (at) => {
    if (at.held) at.missing++;
    return 100;
  });
  assert.equal(found, null);
  assert.ok(host.heldMs <= 100, `${host.heldMs}`);
});
