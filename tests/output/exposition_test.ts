import assert from "node:assert/strict";
import { exposition, type MetricFamily } from "../../src/output/exposition.ts";
import { checkMetrics, whyNoMonitor } from "../support/monitors.ts";
import { forRandomCases } from "../support/property.ts";
import type { Random } from "../support/random.ts";
import { testUnless } from "../support/skip.ts";

const FAMILIES: readonly MetricFamily[] = [
  {
    name: "vrft_a",
    type: "counter",
    help: 'First\nline, "quoted" \\ here',
    labels: ["reason", "vif"],
    samples: [
      { labels: ["x", "vif0/1"], value: 3 },
      { labels: ['"\\\n', ""], value: 2 ** 53 },
    ],
  },
  {
    name: "vrft_b_seconds",
    type: "gauge",
    unit: "seconds",
    help: "Some",
    labels: [],
    samples: [{ labels: [], value: -0.5 }],
  },
  {
    name: "vrft_build",
    type: "info",
    help: "What",
    labels: ["version"],
    samples: [{ labels: ["1"], value: 1 }],
  },
];

Deno.test("exposition() writes the text format", () => {
  assert.equal(
    exposition(FAMILIES, "text"),
    String.raw`# HELP vrft_a_total First\nline, "quoted" \\ here
# TYPE vrft_a_total counter
vrft_a_total{reason="x",vif="vif0/1"} 3
vrft_a_total{reason="\"\\\n",vif=""} 9007199254740992
# HELP vrft_b_seconds Some
# TYPE vrft_b_seconds gauge
vrft_b_seconds -0.5
# HELP vrft_build_info What
# TYPE vrft_build_info gauge
vrft_build_info{version="1"} 1
`,
  );
});

Deno.test("exposition() writes OpenMetrics", () => {
  assert.equal(
    exposition(FAMILIES, "openmetrics"),
    String.raw`# HELP vrft_a First\nline, \"quoted\" \\ here
# TYPE vrft_a counter
vrft_a_total{reason="x",vif="vif0/1"} 3
vrft_a_total{reason="\"\\\n",vif=""} 9007199254740992
# HELP vrft_b_seconds Some
# TYPE vrft_b_seconds gauge
# UNIT vrft_b_seconds seconds
vrft_b_seconds -0.5
# HELP vrft_build What
# TYPE vrft_build info
vrft_build_info{version="1"} 1
# EOF
`,
  );
});

Deno.test("exposition() writes values that are no number as Go reads them", () => {
  const values = [NaN, Infinity, -Infinity, 1e21, 1e-7];
  const text = exposition([{
    name: "vrft_a",
    type: "gauge",
    help: "A",
    labels: [],
    samples: values.map((value) => ({ labels: [], value })),
  }], "text");
  const written = text.split("\n").slice(2, -1).map((line) => line.split(" ")[1]);
  assert.deepEqual(written, ["NaN", "+Inf", "-Inf", "1e+21", "1e-7"]);
});

/** Characters of which some need care. */
const CHARACTERS = [
  "\\",
  '"',
  "\n",
  "n",
  "{",
  "}",
  ",",
  "=",
  "#",
  " ",
  "\r",
  "\0",
  "é",
  "\u{1f600}",
];

function randomText(random: Random): string {
  return Array.from({ length: random.int(8) }, () => random.pick(CHARACTERS)).join("");
}

function family(values: readonly (readonly string[])[], help: string): MetricFamily {
  const samples = values.map((labels, value) => ({ labels, value }));
  return { name: "vrft_a", type: "gauge", help, labels: ["one", "other"], samples };
}

/** Reads a line by character, as the format is specified. */
function labelsOf(line: string): string[] {
  const values: string[] = [];
  let value: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (value === null) {
      if (character === '"') value = "";
    } else if (character === '"') {
      values.push(value);
      value = null;
    } else if (character === "\\") {
      const next = line[++at];
      assert.ok(next === "n" || next === "\\" || next === '"', line);
      value += next === "n" ? "\n" : next;
    } else value += character;
  }
  assert.equal(value, null, line);
  return values;
}

Deno.test("property: any value of a label is read as it was, and stays on its line", () => {
  forRandomCases(31, (random) => {
    const values = [[randomText(random), randomText(random)], [randomText(random), ""]];
    const help = randomText(random);
    for (const format of ["text", "openmetrics"] as const) {
      const lines = exposition([family(values, help)], format).trimEnd().split("\n");
      const samples = lines.filter((line) => line.startsWith("vrft_a{"));
      assert.deepEqual(samples.map(labelsOf), values);
      assert.equal(lines.length, format === "text" ? 4 : 5);
    }
  });
});

Deno.test("exposition() replaces lone surrogates, of which there is no UTF-8", () => {
  assert.match(exposition([family([["\ud800", ""]], "\udc00")], "text"), /\ufffd\n.*one="\ufffd"/s);
});

testUnless(whyNoMonitor("promtool"), "promtool has nothing to say about odd values", async () => {
  const values = CHARACTERS.map((character) => [character, `${character}${character}x`]);
  await checkMetrics(exposition([family(values, "Some\n\\")], "text"));
});
