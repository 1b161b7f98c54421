import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { DropCounts } from "../../src/output/drops/counts.ts";
import { dropMetrics } from "../../src/output/drops/metrics.ts";
import { exposition } from "../../src/output/exposition.ts";
import { KNOWN_REASONS } from "../../src/vrouter/known_drop_reasons.ts";
import { monitor, whyNoMonitor } from "../support/monitors.ts";
import { testUnless } from "../support/skip.ts";
import { documentAt, ROOT } from "./markdown.ts";

const file = (name: string): string =>
  Deno.readTextFileSync(new URL(`docs/monitoring/${name}`, ROOT));
const METRICS = documentAt("docs/prometheus.md").text;

/** Expressions of the dashboard, with values for what Grafana fills in. */
function dashboardExpressions(): string[] {
  const { panels } = JSON.parse(file("dashboard.json")) as {
    panels: { targets: { expr: string }[] }[];
  };
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

const plain = (expression: string): string =>
  expression.replaceAll(/\$__rate_interval|\$__range/g, "5m").replaceAll(/\$\w+/g, ".*");

/** Has promtool check rules. */
function checkRules(text: string): void {
  const path = Deno.makeTempFileSync({ suffix: ".yml" });
  try {
    Deno.writeTextFileSync(path, text);
    const { code, stdout, stderr } = new Deno.Command(monitor("promtool"), {
      args: ["check", "rules", path],
    }).outputSync();
    assert.equal(code, 0, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
  } finally {
    Deno.removeSync(path);
  }
}

testUnless(
  whyNoMonitor("promtool"),
  "promtool accepts the rules and the dashboard's queries",
  () => {
    checkRules(file("alerts.yaml"));
    const rules = dashboardExpressions()
      .map((expression, at) => ({ record: `panel:${at}`, expr: plain(expression) }));
    assert.ok(rules.length > 8);
    // YAML, too.
    checkRules(JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  },
);

Deno.test("the rules and the dashboard name metrics and labels that there are", () => {
  const expressions = [file("alerts.yaml"), ...dashboardExpressions()].join("\n");
  const names = new Set(expressions.match(/(?<![\w:])(?:vrft|process)_\w+/g));
  assert.ok(names.size > 5);
  for (const name of names) assert.ok(METRICS.includes(`\`${name}\``), name);
  for (const [, list = ""] of expressions.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(", ").filter((one) => one !== "instance")) {
      assert.ok(METRICS.includes(`| \`${label}\``), label);
    }
  }
});

/** A host with drops of so many kinds. */
function scrape(kinds: number): { series: number; gzip: number } {
  const counts = new DropCounts(() => false);
  const reason = { number: 1, label: "", class: "lost" } as const;
  for (let at = 0; at < kinds; at++) {
    const name = KNOWN_REASONS[at % 4]!.name;
    const vif = 3 + (at >> 2);
    const place = { vif, device: `tap${(vif * 2654435761 >>> 0).toString(16)}-${vif}` };
    counts.add(
      {
        source: "vrouter",
        reason: { ...reason, name },
        cause: null,
        direction: "receive",
        ...place,
      } as never,
    );
  }
  const module = {
    all: new Map(KNOWN_REASONS.map(({ name }) => [name, 0])),
    vifs: new Map(
      Array.from({ length: kinds >> 2 }, (_, at) => [
        3 + at,
        new Map(KNOWN_REASONS.slice(0, 4).map(({ name }) => [name, 1000 + at])),
      ]),
    ),
  };
  const text = exposition(
    dropMetrics({
      counts,
      module,
      device: () => null,
      trace: { lost: 0, missed: 0, removed: 0 },
      damaged: 0,
      programs: { ms: 1, runs: 1 },
      process: { cpuSeconds: 12.34, residentBytes: 2 ** 27, startSeconds: 1.79e9 },
      build: { version: "0.1.0", commit: "0123456789ab", kernel: "6.12.0" },
      answers: new Map([[200, 1]]),
      writes: null,
    }, ""),
    "text",
  );
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  return { series, gzip: gzipSync(text).length };
}

Deno.test("docs/fleet.md has the series and bytes that a host has", () => {
  const { text } = documentAt("docs/fleet.md");
  const [none, some] = [scrape(0), scrape(200)];
  const words = (value: number): string => value.toLocaleString("en");
  assert.ok(text.includes(`| ${words(none.series)} `), JSON.stringify(none));
  assert.ok(text.includes(`| ${words(some.series)} `), JSON.stringify(some));
  // Rounded up.
  const kilobytes = Math.ceil(some.gzip / 1000);
  assert.ok(text.includes(`| ${kilobytes} kB `), JSON.stringify(some));
});
