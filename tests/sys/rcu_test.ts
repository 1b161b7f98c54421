import assert from "node:assert/strict";
import { expediteRcu, relaxRcu } from "../../src/sys/rcu.ts";

/** A file that stands for the kernel's switch. */
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

Deno.test("expediteRcu() turns the switch on, and relaxRcu() off again", () => {
  using rcu = new Switch("0\n");
  assert.equal(expediteRcu(rcu.path), true);
  assert.equal(rcu.state, "1");
  relaxRcu(rcu.path);
  assert.equal(rcu.state, "0");
});

Deno.test("expediteRcu() says that it has changed nothing where the switch is on", () => {
  for (const state of ["1", "2"]) {
    using rcu = new Switch(`${state}\n`);
    assert.equal(expediteRcu(rcu.path), false);
    assert.equal(rcu.state, state);
  }
});

Deno.test("expediteRcu() and relaxRcu() do without a switch, and make none", () => {
  const path = "/proc/self/none";
  assert.equal(expediteRcu(path), false);
  relaxRcu(path);
  using rcu = new Switch("0");
  const missing = `${rcu.path}.none`;
  assert.equal(expediteRcu(missing), false);
  relaxRcu(missing);
  assert.throws(() => Deno.statSync(missing), Deno.errors.NotFound);
});
