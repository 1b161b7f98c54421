import assert from "node:assert/strict";
import { OverheadGuard, type OverheadWindow, shareOf } from "../../src/trace/overhead_guard.ts";

const LIMIT = 50;

/** A window of which the programs and vrft take a share each, in per cent. */
function window(start: number, end: number, programs: number | null, own = 0): OverheadWindow {
  const ms = (share: number): number => share / 100 * (end - start);
  return { start, end, programsMs: programs === null ? null : ms(programs), ownMs: ms(own) };
}

/** What the guard says to each of some windows of 100 ms without a gap, by their shares. */
function decide(guard: OverheadGuard, start: number, shares: readonly number[]): (number | null)[] {
  return shares.map((share, index) => {
    const from = start + index * 100;
    return guard.add(window(from, from + 100, share));
  });
}

Deno.test("shareOf() adds what programs and vrft take, in per cent of one CPU", () => {
  assert.equal(shareOf({ start: 1000, end: 1100, programsMs: 150, ownMs: 30 }), 180);
  assert.equal(shareOf({ start: 0, end: 200, programsMs: 0, ownMs: 1 }), 0.5);
});

Deno.test("OverheadGuard lets a share pass that is above the limit for less than a second", () => {
  const guard = new OverheadGuard(LIMIT);
  const nine = Array.from({ length: 9 }, () => 300);
  assert.deepEqual(decide(guard, 0, nine).filter((share) => share !== null), []);
  assert.equal(guard.isAbove, true);
  // After a single window at the limit, the second starts again.
  assert.equal(guard.add(window(900, 1000, 50)), null);
  assert.equal(guard.isAbove, false);
  assert.deepEqual(decide(guard, 1000, nine).filter((share) => share !== null), []);
});

Deno.test("OverheadGuard gives the average of the time above the limit once that is a second", () => {
  const guard = new OverheadGuard(LIMIT);
  const shares = [51, 60, 70, 51, 60, 70, 51, 60, 70, 157];
  const decisions = decide(guard, 5000, shares);
  assert.deepEqual(decisions.slice(0, 9), Array(9).fill(null));
  assert.equal(Math.round(decisions[9]!), 70);
});

Deno.test("OverheadGuard does not count time between windows as time above the limit", () => {
  const guard = new OverheadGuard(LIMIT);
  for (let second = 0; second < 60; second++) {
    assert.equal(guard.add(window(second * 1000, second * 1000 + 100, 300)), null);
  }
});

Deno.test("OverheadGuard takes windows by their real length, however late they end", () => {
  assert.equal(new OverheadGuard(LIMIT).add(window(0, 1000, 40, 20)), 60);
  // 600 ms of CPU are a lot for a tenth of a second, and little for three.
  const guard = new OverheadGuard(LIMIT);
  assert.equal(guard.add({ start: 0, end: 3000, programsMs: 600, ownMs: 0 }), null);
  assert.equal(guard.isAbove, false);
});

Deno.test("OverheadGuard holds only vrft's own time against a limit where that of programs is not known", () => {
  const guard = new OverheadGuard(LIMIT);
  assert.equal(guard.add(window(0, 2000, null, 50)), null);
  assert.equal(guard.isAbove, false);
  assert.equal(guard.add(window(2000, 4000, null, 80)), 80);
});
