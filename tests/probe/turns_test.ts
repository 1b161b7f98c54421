import assert from "node:assert/strict";
import { AttachCancelled } from "../../src/probe/backend.ts";
import { Turns } from "../../src/probe/turns.ts";

/** Keeps the thread busy. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

const quiet = (message: string): void => assert.fail(message);

Deno.test("Turns lets the event loop see what ends long work", async () => {
  let stopped = false;
  setTimeout(() => stopped = true, 0);
  const turns = new Turns({ cancelled: () => stopped, info: quiet });
  let rounds = 0;
  await assert.rejects(async () => {
    for (; rounds < 100; rounds++) {
      work(10);
      await turns.give();
    }
  }, AttachCancelled);
  assert.ok(rounds < 20, `${rounds} rounds`);
});

Deno.test("Turns tells once that the work takes long, and nothing where it does not", async () => {
  const said: string[] = [];
  const turns = new Turns(
    { cancelled: () => false, info: (message) => said.push(message) },
    "Tidying up...",
  );
  await turns.rest();
  assert.deepEqual(said, []);
  work(1010);
  assert.equal(await turns.give(), true);
  await turns.rest();
  assert.deepEqual(said, ["Tidying up..."]);
});
