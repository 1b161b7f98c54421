import assert from "node:assert/strict";
import { DropCounts, MAX_LABEL_SETS } from "../../src/output/drops/counts.ts";
import { dropMetrics } from "../../src/output/drops/metrics.ts";
import { exposition, type MetricFamily } from "../../src/output/exposition.ts";
import { monitor, whyNoMonitor } from "../support/monitors.ts";
import { testUnless } from "../support/skip.ts";
import { documentAt, tableRows } from "./markdown.ts";

const { text } = documentAt("docs/prometheus.md");

/** All metrics. */
const FAMILIES = dropMetrics({
  counts: new DropCounts(() => false),
  module: { all: new Map(), vifs: new Map() },
  device: () => null,
  trace: { lost: 0, missed: 0, removed: 0 },
  damaged: 0,
  programs: { ms: 1, runs: 1 },
  process: { cpuSeconds: 0, residentBytes: 0, startSeconds: 0 },
  build: { version: "", commit: "", kernel: "" },
  answers: new Map(),
  writes: { written: 0, failed: 0 },
}, "");

/** As its samples are called. */
function nameOf(family: MetricFamily): string {
  return /^# TYPE (\S+)/m.exec(exposition([family], "text"))![1]!;
}

Deno.test("docs/prometheus.md lists each metric with its labels, and each label", () => {
  const words = (cell: string): string[] =>
    Array.from(cell.matchAll(/`([^`]+)`/g), ([, word]) => word!);
  const metrics = tableRows(text, "Metric")
    .map(([name = "", labels = ""]) => [words(name)[0]!, ...words(labels)]);
  assert.deepEqual(metrics, FAMILIES.map((family) => [nameOf(family), ...family.labels]));
  const labels = tableRows(text, "Label").map(([name = ""]) => words(name)[0]);
  assert.deepEqual(labels, FAMILIES[0]?.labels);
  assert.ok(text.includes(`at most ${MAX_LABEL_SETS} label sets`));
});

/** Blocks of YAML. */
const BLOCKS = Array.from(text.matchAll(/^```yaml\n(.*?)^```$/gms), ([, block]) => block!);

testUnless(whyNoMonitor("promtool"), "promtool accepts the examples of docs/prometheus.md", () => {
  assert.equal(BLOCKS.length, 2);
  for (const block of BLOCKS) {
    const path = Deno.makeTempFileSync({ suffix: ".yml" });
    try {
      Deno.writeTextFileSync(path, block);
      const what = block.startsWith("groups:") ? "rules" : "config";
      const { code, stdout, stderr } = new Deno.Command(monitor("promtool"), {
        args: ["check", what, path],
      }).outputSync();
      assert.equal(code, 0, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
    } finally {
      Deno.removeSync(path);
    }
  }
});
