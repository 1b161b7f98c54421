import assert from "node:assert/strict";
import { documentAt, ROOT, tableRows } from "./markdown.ts";

const RESULTS = Deno.readTextFileSync(new URL("tests/bench/RESULTS.md", ROOT));
const COST = documentAt("docs/cost.md").text;

/** Units of RESULTS.md where docs/cost.md writes them shorter. */
const SHORT_UNITS: Readonly<Record<string, string>> = {
  "ns an event": "ns",
  "million events a second": "million/s",
};

Deno.test("the goals in docs/cost.md are those of tests/bench/RESULTS.md", () => {
  const expected = tableRows(RESULTS, "what").map(
    ([what, unit = "", vrft = "", against = "", ratio, goal, verdict]) => {
      const short = SHORT_UNITS[unit] ?? unit;
      const missed = verdict === "missed" ? " (missed)" : "";
      return [
        what,
        `${median(vrft)} ${short}`,
        against === "–" ? against : `${median(against)} ${short}`,
        ratio,
        `${goal}${missed}`,
      ];
    },
  );
  assert.notEqual(expected.length, 0);
  assert.deepEqual(tableRows(COST, "what"), expected);
});

Deno.test("the slowdowns in README.md are those of tests/bench/RESULTS.md", () => {
  const { text } = documentAt("README.md");
  const row = tableRows(RESULTS, "what").find(([what]) => what!.startsWith("slowdown of a flood"))!;
  for (const cell of [row[2]!, row[3]!]) {
    assert(text.includes(`${/[\d.]+$/.exec(median(cell))![0]} times`), cell);
  }
});

/** The cell without its least and most, or that it was measured once. */
function median(cell: string): string {
  return cell.replace(/ \((?:[\d.–,]+|once)\)$/, "");
}
