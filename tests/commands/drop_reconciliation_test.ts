import assert from "node:assert/strict";
import { Reconciliation } from "../../src/commands/drop_reconciliation.ts";
import { Log } from "../../src/output/log.ts";
import { Failure } from "../../src/sys/failure.ts";
import type { DropReason, Reconciled } from "../../src/trace/drop.ts";
import type { DropCounters } from "../../src/trace/reconcile.ts";
import { DISCARDS, drop, FLOW_ACTION_DROP } from "../support/drops.ts";
import { MessageList } from "../support/message_list.ts";

/** A module with one counter, and what is said of it. */
class Bench {
  count = 1000;
  answers = true;
  lost = 0;
  reason = DISCARDS;
  isTable = false;
  unwanted = "";
  now = 0;
  readonly shown: (readonly Reconciled[])[] = [];
  readonly #messages = new MessageList();
  readonly reconciliation: Reconciliation;

  constructor(intervalMs: number | null = null) {
    this.reconciliation = new Reconciliation(new Log({ messages: this.#messages }), {
      read: () => this.#read(),
      reason: () => this.reason,
      lost: () => this.lost,
      show: (counters) => {
        this.shown.push(counters);
        return this.isTable;
      },
      isWanted: ({ name }) => name !== this.unwanted,
      now: () => this.now,
    }, intervalMs);
  }

  get text(): string {
    return this.#messages.text.replaceAll(/^\S+ \S+ /gm, "");
  }

  drop(): void {
    this.count++;
    this.reconciliation.add(drop({ vif: null }));
  }

  end(): void {
    this.reconciliation.end();
    this.reconciliation.finish();
  }

  #read(): DropCounters {
    if (!this.answers) throw new Failure("vifs", "the module does not answer");
    return { all: new Map([[this.reason.name, this.count]]), vifs: new Map() };
  }
}

Deno.test("at the end the module's counter stands beside what was seen", () => {
  const bench = new Bench();
  bench.reconciliation.begin();
  for (let times = 0; times < 212; times++) bench.drop();
  bench.reconciliation.turn();
  assert.equal(bench.text, "");
  bench.end();
  assert.equal(bench.text, "Discards: module 212, seen 212\n");
  assert.equal(bench.shown.length, 1);
});

Deno.test("a difference is said aloud, in either direction, with the events lost", () => {
  const bench = new Bench();
  bench.reconciliation.begin();
  bench.drop();
  bench.count += 2;
  bench.lost = 2;
  bench.end();
  assert.equal(
    bench.text,
    "Discards: module 3, seen 1: 2 drops were not seen; 2 events were lost\n",
  );
  const more = new Bench();
  more.reconciliation.begin();
  more.reconciliation.add(drop({ vif: null }));
  more.end();
  assert.equal(
    more.text,
    "Discards: module 0, seen 1: 1 drop was not counted by the module\n",
  );
});

Deno.test("a comparison in between waits until all drops up to then have been seen", () => {
  const bench = new Bench(1000);
  bench.reconciliation.begin();
  bench.drop();
  bench.now = 1000;
  bench.count++;
  bench.reconciliation.turn();
  assert.equal(bench.text, "");
  bench.reconciliation.add(drop({ vif: null }));
  bench.reconciliation.dry();
  assert.equal(bench.text, "Discards: module 2, seen 2\n");
  bench.reconciliation.dry();
  bench.now = 1999;
  bench.reconciliation.turn();
  bench.reconciliation.dry();
  assert.equal(bench.shown.length, 1);
  bench.now = 2000;
  bench.reconciliation.turn();
  bench.reconciliation.dry();
  assert.equal(bench.shown.length, 2);
});

Deno.test("a module that does not answer is told once, and nothing is compared", () => {
  const bench = new Bench();
  bench.answers = false;
  bench.reconciliation.begin();
  bench.end();
  assert.equal(
    bench.text,
    "Drops are not compared with the module's counters: the module does not answer\n",
  );
  assert.equal(bench.shown.length, 0);
});

Deno.test("a loss that the module counts alone is one, unless its reason is not wanted", () => {
  const counted: DropReason = { ...DISCARDS, class: "counted" };
  const cases: [DropReason, string, boolean][] = [
    [DISCARDS, "", true],
    [counted, "", true],
    [DISCARDS, DISCARDS.name, false],
    [FLOW_ACTION_DROP, "", false],
  ];
  for (const [reason, unwanted, isLoss] of cases) {
    const bench = new Bench();
    Object.assign(bench, { reason, unwanted });
    bench.reconciliation.begin();
    bench.count++;
    bench.end();
    assert.equal(bench.reconciliation.hasLoss, isLoss, `${reason.class} ${unwanted}`);
  }
  const seen = new Bench();
  seen.reconciliation.begin();
  seen.drop();
  seen.end();
  assert.equal(seen.reconciliation.hasLoss, false);
});

Deno.test("where comparisons are shown in a table, only the last one is logged", () => {
  const bench = new Bench(1000);
  bench.isTable = true;
  bench.reconciliation.begin();
  bench.drop();
  bench.now = 1000;
  bench.reconciliation.turn();
  bench.reconciliation.dry();
  assert.equal(bench.shown.length, 1);
  assert.equal(bench.text, "");
  bench.end();
  assert.equal(bench.text, "Discards: module 1, seen 1\n");
});
