import assert from "node:assert/strict";
import { expediteRcu, relaxRcu } from "../../src/sys/rcu.ts";

/** A file in place of the kernel's switch. */
class Switch implements Disposable {
  readonly path = Deno.makeTempFileSync({ prefix: "vrft-rcu-" });

  constructor(state: string) {
    Deno.writeTextFileSync(this.path, state);
  }

  get state(): string {
    return Deno.readTextFileSync(this.path).trim();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}

const always = (): boolean => true;

function never(): boolean {
  assert.fail("There is nothing to prepare");
}

Deno.test("expediteRcu() turns the switch on, and relaxRcu() off again", () => {
  using rcu = new Switch("0\n");
  const seen: string[] = [];
  expediteRcu(rcu.path, () => seen.push(rcu.state) > 0);
  assert.deepEqual([...seen, rcu.state], ["0", "1"]);
  relaxRcu(rcu.path);
  assert.equal(rcu.state, "0");
});

Deno.test("expediteRcu() prepares nothing where the switch is on", () => {
  for (const state of ["1", "2"]) {
    using rcu = new Switch(`${state}\n`);
    expediteRcu(rcu.path, never);
    assert.equal(rcu.state, state);
  }
});

Deno.test("expediteRcu() leaves the switch alone where that cannot be prepared", () => {
  using rcu = new Switch("0\n");
  expediteRcu(rcu.path, () => false);
  assert.equal(rcu.state, "0");
});

Deno.test("expediteRcu() and relaxRcu() do without a switch, and make none", () => {
  const path = "/proc/self/none";
  expediteRcu(path, never);
  relaxRcu(path);
  using rcu = new Switch("0");
  const missing = `${rcu.path}.none`;
  expediteRcu(missing, always);
  relaxRcu(missing);
  assert.throws(() => Deno.statSync(missing), Deno.errors.NotFound);
});
