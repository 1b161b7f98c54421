import assert from "node:assert/strict";
import { ExpeditedRcu } from "../../src/probe/expedited_rcu.ts";
import { LockableFile } from "../../src/sys/lockable_file.ts";

/** A directory in place of tracefs, with a switch in it. */
class Tracefs implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "vrft-rcu-" });
  readonly #files = new DisposableStack();

  constructor(rcu: string) {
    Deno.mkdirSync(`${this.path}/events`);
    Deno.writeTextFileSync(`${this.path}/kprobe_events`, "");
    Deno.writeTextFileSync(`${this.path}/switch`, rcu);
  }

  /** The switch of one vrft, and its file, whose closing simulates the end of the vrft. */
  open(): { rcu: ExpeditedRcu; file: LockableFile } {
    const file = this.#files.use(new LockableFile(`${this.path}/kprobe_events`));
    return { rcu: new ExpeditedRcu(file, this.path, `${this.path}/switch`), file };
  }

  /** Simulates what the kernel does on the command that creates the mark. */
  mark(): void {
    Deno.mkdirSync(`${this.path}/events/vrft_rcu/expedited`, { recursive: true });
  }

  get rcu(): string {
    return Deno.readTextFileSync(`${this.path}/switch`);
  }

  [Symbol.dispose](): void {
    this.#files.dispose();
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("RCU hurries until the last vrft has let go, in whatever order", () => {
  using tracefs = new Tracefs("0");
  const one = tracefs.open().rcu.expedite(["0x1"]);
  assert.equal(tracefs.rcu, "1");
  tracefs.mark();
  const other = tracefs.open().rcu.expedite(["0x2"]);
  one[Symbol.dispose]();
  assert.equal(tracefs.rcu, "1");
  other[Symbol.dispose]();
  assert.equal(tracefs.rcu, "0");
  const commands = Deno.readTextFileSync(`${tracefs.path}/kprobe_events`);
  assert.equal(commands, "p:vrft_rcu/expedited 0x1\n-:vrft_rcu/expedited\n");
});

Deno.test("A killed vrft leaves the switch to the one that still wants it", () => {
  using tracefs = new Tracefs("0");
  const { rcu, file } = tracefs.open();
  rcu.expedite(["0x1"]);
  tracefs.mark();
  const other = tracefs.open().rcu.expedite(["0x2"]);
  file[Symbol.dispose](); // as the kernel does
  tracefs.open().rcu.restore();
  assert.equal(tracefs.rcu, "1");
  other[Symbol.dispose]();
  assert.equal(tracefs.rcu, "0");
});

Deno.test("What the user has switched on stays on", () => {
  using tracefs = new Tracefs("1");
  tracefs.open().rcu.expedite(["0x1"])[Symbol.dispose]();
  assert.equal(tracefs.rcu, "1");
  assert.equal(Deno.readTextFileSync(`${tracefs.path}/kprobe_events`), "");
});

Deno.test("RCU does not hurry where nothing could tell that a vrft did it", () => {
  using tracefs = new Tracefs("0");
  {
    using _hurry = tracefs.open().rcu.expedite([]);
    assert.equal(tracefs.rcu, "0");
  }
});
