import assert from "node:assert/strict";
import { VifWatch } from "../../src/commands/vif_watch.ts";
import { Log } from "../../src/output/log.ts";
import { Failure } from "../../src/sys/failure.ts";
import { SystemError } from "../../src/sys/libc.ts";
import type { Vif } from "../../src/vrouter/interfaces.ts";
import { vif } from "../support/vifs.ts";

const TAP1 = vif(1, "tap1", { ifindex: 11 });
const TAP2 = vif(2, "tap2", { ifindex: 12 });
const TAP3 = vif(3, "tap3", { ifindex: 13 });

/** A machine with simulated time and vifs. */
class Machine {
  vifs: Vif[] = [TAP1, TAP2];
  /** Milliseconds that listing the vifs takes. */
  time = 0;
  listing = 0;
  /** The times at which they were listed. */
  readonly looks: number[] = [];
  readonly lines: string[] = [];
  readonly watch: VifWatch;

  constructor(names: string[] = [], selected: Vif[] = this.vifs) {
    this.watch = new VifWatch(
      new Log({ debug: true, messages: { busy: false, write: (text) => this.#write(text) } }),
      {
        events: { fd: 3, take: () => true, [Symbol.dispose]: () => {} },
        list: () => {
          this.looks.push(this.time);
          this.time += this.listing;
          return this.vifs;
        },
        now: () => this.time,
      },
    );
    const interfaces = selected.map(({ index, ifindex }) => ({
      netns: 1,
      ifindex,
      vifIndex: index,
    }));
    this.watch.begin({ vifs: this.vifs, names, interfaces });
  }

  #write(text: string): void {
    this.lines.push(text.trimEnd().replace(/^\S+ \S+ /, ""));
  }

  /** Announces that a device has changed. */
  announce(): void {
    this.watch.watched!.ready();
  }

  /** Advances the time, with a turn every tenth of a second. */
  pass(milliseconds: number): void {
    for (const end = this.time + milliseconds; this.time < end; this.time += 100) this.watch.turn();
  }
}

const RESTART = "restart vrft to trace all";

Deno.test("VifWatch tells which vifs were added and deleted, each once", () => {
  const machine = new Machine();
  machine.vifs = [TAP1, TAP3];
  machine.watch.look();
  machine.watch.look();
  assert.deepEqual(machine.lines, [
    "A vif was deleted during the trace: vif0/2 (tap2)",
    `A vif was added during the trace and not traced: vif0/3 (tap3); ${RESTART}`,
  ]);
});

Deno.test("VifWatch takes a vif of a known number with another device for another vif", () => {
  const machine = new Machine();
  machine.vifs = [TAP1, { ...TAP2, ifindex: 99 }];
  machine.watch.look();
  assert.deepEqual(machine.lines.map((line) => line.split(" ")[3]), ["deleted", "added"]);
});

Deno.test("VifWatch names a few of many, and copes with names that are none", () => {
  const machine = new Machine();
  machine.vifs = [
    TAP1,
    TAP2,
    vif(3, "", { ifindex: 3 }),
    vif(4, "a\nb", { ifindex: 4 }),
    ...[5, 6, 7, 8].map((index) => vif(index, `tap${index}`)),
  ];
  machine.watch.look();
  assert.equal(machine.lines.length, 1);
  assert.match(
    machine.lines[0]!,
    /^6 vifs were added during the trace and not traced: vif0\/3, vif0\/4 \(a.*b\), .*, vif0\/7 \(tap7\) and 1 more; /s,
  );
});

Deno.test("VifWatch of chosen vifs tells of those alone, by number and by name", () => {
  const machine = new Machine(["tap2", "vif0/3"], [TAP2]);
  machine.vifs = [TAP2, vif(7, "tap7")];
  machine.watch.look();
  assert.deepEqual(machine.lines, []);
  machine.vifs = [vif(7, "tap7")];
  machine.watch.look();
  machine.vifs = [vif(7, "tap7"), vif(9, "tap2", { ifindex: 50 })];
  machine.watch.look();
  assert.deepEqual(machine.lines, [
    "A vif was deleted during the trace: vif0/2 (tap2)",
    `A vif was added during the trace and not traced: vif0/9 (tap2); ${RESTART}`,
  ]);
});

Deno.test("VifWatch looks every few seconds, and some time after a device has changed", () => {
  const machine = new Machine();
  machine.pass(12_000);
  assert.deepEqual(machine.looks, [5000, 10_000]);
  machine.announce();
  machine.pass(13_000);
  assert.deepEqual(machine.looks.slice(2), [12_500, 14_500, 19_500, 22_500]);
});

Deno.test("VifWatch looks less often where listing takes long: half a per cent of the time", () => {
  const machine = new Machine();
  machine.listing = 100;
  machine.pass(100_000);
  assert.deepEqual(machine.looks, [5000, 25_100, 45_200, 65_300, 85_400]);
});

Deno.test("VifWatch of all vifs lets the trace follow them, and says so", () => {
  const machine = new Machine();
  const followed: number[][] = [];
  let can = true;
  machine.watch.follow((vifs) => {
    followed.push(vifs.map(({ index }) => index));
    return can;
  });
  machine.vifs = [TAP1, TAP2, TAP3];
  machine.watch.look();
  machine.watch.look();
  machine.vifs = [TAP1, TAP3];
  machine.watch.look();
  can = false;
  machine.vifs = [TAP1, TAP2, TAP3];
  machine.watch.look();
  assert.deepEqual(followed, [[1, 2, 3], [1, 3], [1, 2, 3]]);
  assert.deepEqual(machine.lines, [
    "A vif was added during the trace, and traced from now on: vif0/3 (tap3)",
    "A vif was deleted during the trace: vif0/2 (tap2)",
    `A vif was added during the trace and not traced: vif0/2 (tap2); ${RESTART}`,
  ]);
});

Deno.test("VifWatch is not kept from looking, nor made to look all the time, by changes without end", () => {
  const machine = new Machine();
  machine.listing = 100;
  for (let turn = 0; turn < 100; turn++) {
    machine.announce();
    machine.pass(100);
  }
  // A twentieth of the time.
  const looks = machine.looks.length;
  assert.ok(looks >= 4 && looks <= 6, `${machine.looks}`);
});

Deno.test("VifWatch goes on where the vifs cannot be listed, or say nothing", () => {
  const machine = new Machine();
  let answer: () => Vif[] | null = () => null;
  const lines: string[] = [];
  const messages = { busy: false, write: (text: string) => void lines.push(text) };
  using watch = new VifWatch(new Log({ messages }), {
    events: null,
    list: () => answer(),
    now: () => 0,
  });
  watch.begin({ vifs: machine.vifs, names: [], interfaces: [] });
  assert.equal(watch.watched, undefined);
  watch.look();
  answer = () => {
    throw new Failure("vifs", "Cannot list the vifs: no");
  };
  watch.look();
  answer = () => {
    throw new SystemError("Cannot open a netlink socket", 24);
  };
  watch.look();
  assert.deepEqual(lines, []);
  answer = () => [TAP1];
  watch.look();
  assert.equal(lines.length, 1);
});
