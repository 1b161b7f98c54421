import assert from "node:assert/strict";
import { DropReasons, REASON_WORDS } from "../../src/vrouter/drop_reasons.ts";
import { KNOWN_REASONS } from "../../src/vrouter/known_drop_reasons.ts";
import { isFailure } from "../support/failures.ts";
import { DROP_REASONS, OLDER_DROP_REASONS } from "./module_enums.ts";

const reasons = new DropReasons(DROP_REASONS);
const older = new DropReasons(OLDER_DROP_REASONS);

Deno.test("a reason has the words of dropstats, by the number in the module's enum", () => {
  const { number, name, label, class: kind, meaning } = reasons.reason(39);
  assert.deepEqual([number, name, label, kind], [39, "VP_DROP_L2_NO_ROUTE", "No L2 Route", "lost"]);
  assert.match(meaning, /bridge table/);
  assert.equal(reasons.reason(11).class, "policy");
  assert.equal(reasons.reason(17).class, "housekeeping");
  assert.equal(reasons.reason(53).class, "counted");
});

Deno.test("another release's numbers are its own", () => {
  assert.equal(older.reason(0).label, "Discards");
  assert.equal(older.reason(38).label, "No L2 Route");
  assert.equal(older.reason(52).label, "52");
  assert.deepEqual(older.parse(["ICMP errors"]), [50]);
});

Deno.test("a reason newer than vrft keeps its name, and can be selected", () => {
  const newer = new DropReasons(new Map([[1, "VP_DROP_DISCARD"], [55, "VP_DROP_BAD_MOON"]]));
  assert.deepEqual(newer.reason(55), {
    number: 55,
    name: "VP_DROP_BAD_MOON",
    label: "VP_DROP_BAD_MOON",
    class: "unknown",
    meaning: "",
  });
  assert.deepEqual(newer.parse(["bad-moon", "VP_DROP_BAD_MOON"]), [55]);
  assert.equal(newer.reason(99).name, "99");
  assert.deepEqual(newer.all.map(({ number }) => number), [1, 55]);
});

Deno.test("the enum's last member is no reason", () => {
  assert.equal(reasons.all.length, 55);
  assert.throws(() => reasons.parse(["VP_DROP_MAX"]), isFailure("usage"));
});

Deno.test("parse() takes each spelling of each reason for that reason alone", () => {
  const taken = new Map<string, number>();
  for (const { name, label, older } of KNOWN_REASONS) {
    const number = reasons.named(name)!.number;
    const short = name.slice("VP_DROP_".length);
    for (const word of [name, label, short, ...older]) {
      const spellings = [
        word,
        word.toLowerCase(),
        word.toUpperCase(),
        word.replaceAll(/[ _]/g, "-"),
      ];
      for (const spelling of spellings) {
        assert.deepEqual(reasons.parse([spelling]), [number], spelling);
        assert.ok((taken.get(spelling) ?? number) === number, spelling);
        taken.set(spelling, number);
      }
    }
  }
});

Deno.test("parse() takes several, each once", () => {
  assert.deepEqual(reasons.parse(["Duplicated", "duplicate", "discards", "flow-action-drop"]), [
    17,
    1,
    11,
  ]);
  assert.deepEqual(reasons.parse([]), []);
});

Deno.test("parse() refuses an unknown word, and names one that is like it", () => {
  for (
    const [word, meant] of [
      ["no-l2-rout", "No L2 Route"],
      ["dicsards", "Discards"],
      ["VP_DROP_FLOW_ACTOIN_DROP", "Flow Action Drop"],
      ["checksum", "Checksum errors"],
    ]
  ) {
    assert.throws(
      () => reasons.parse(["discards", word!]),
      isFailure("usage", new RegExp(`reason "${word}": there is no such.*mean "${meant}"`)),
      word,
    );
  }
  for (const word of ["", "-", "qqqqqqqq", "x".repeat(1_000_000), "\x1b[2J"]) {
    assert.throws(
      () => reasons.parse([word]),
      isFailure("usage", /: there is no such reason; [^"]*$/),
    );
  }
});

Deno.test("parse() names several that are like a word, also of others", () => {
  const message = /mean "Flow Unusable" or "Flow Unusable \(Eviction\)"\?$/;
  assert.throws(() => reasons.parse(["flow-unus"]), isFailure("usage", message));
  assert.throws(
    () => reasons.parse(["SKB_DROP_REASON_NO_SOKET"], ["NO_SOCKET"]),
    isFailure("usage", /did you mean "NO_SOCKET"\?$/),
  );
});

Deno.test("each word for the command line means its reason", () => {
  const numbers = REASON_WORDS.map((word) => reasons.parse([word])[0]);
  assert.deepEqual(numbers, reasons.all.map(({ number }) => number).slice(1));
  for (const word of REASON_WORDS) assert.match(word, /^[a-z0-9]+(-[a-z0-9]+)*$/);
});

Deno.test("parse() says when no reasons of vrouter are known", () => {
  const message = /"discards": it is one of vrouter's, whose reasons are not known here$/;
  assert.throws(() => new DropReasons(new Map()).parse(["discards"]), isFailure("usage", message));
});

Deno.test("parse() says when only the loaded module lacks a reason", () => {
  const message = /^Cannot select .*"invalid-hbs-pkt": the loaded vrouter module does not have it/;
  assert.throws(() => older.parse(["invalid-hbs-pkt"]), isFailure("usage", message));
});
