import assert from "node:assert/strict";
import { collect, median } from "./samples.ts";

Deno.test("collect() puts the lines of a key together, each command once", () => {
  const { samples, facts, parts } = collect(
    [
      '{"key":"a","value":1}',
      '{"key":"a","command":"one"}',
      '{"fact":"kernel","text":"6.12"}',
      '{"key":"a","value":2}',
      '{"key":"a","command":"one"}',
      '{"key":"b","problem":"broken"}',
      '{"part":"guest","seconds":3}',
    ].join("\n"),
  );
  assert.deepEqual(samples.get("a"), {
    values: [1, 2],
    commands: ["one"],
    problems: [],
    notes: [],
  });
  assert.deepEqual(samples.get("b")?.problems, ["broken"]);
  assert.deepEqual([...facts], [["kernel", "6.12"]]);
  assert.deepEqual(parts, [{ part: "guest", seconds: 3 }]);
});

Deno.test("collect() leaves out what is no line of a benchmark, or was cut short", () => {
  const lines = ['{"key":"a","val', "words", "", "3", "null", '{"key":"a","value":null}', "[]"];
  assert.equal(collect(lines.join("\n")).samples.size, 0);
});

Deno.test("median() is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([10, 9, 1]), 9);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), RangeError);
});
