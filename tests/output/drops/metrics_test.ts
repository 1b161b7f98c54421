import assert from "node:assert/strict";
import { DropCounts, MAX_LABEL_SETS } from "../../../src/output/drops/counts.ts";
import { type DropFigures, dropMetrics } from "../../../src/output/drops/metrics.ts";
import { exposition } from "../../../src/output/exposition.ts";
import { drop, FLOW_ACTION_DROP } from "../../support/drops.ts";
import { checkMetrics, whyNoMonitor } from "../../support/monitors.ts";
import { testUnless } from "../../support/skip.ts";

const counts = new DropCounts(() => false);
for (const _ of [1, 2, 3]) counts.add(drop());
counts.add(drop({ reason: FLOW_ACTION_DROP, cause: "SG", vif: null, direction: null }));

const FIGURES: DropFigures = {
  counts,
  module: {
    all: new Map([["VP_DROP_DISCARD", 7], ["VP_DROP_PULL", 0]]),
    vifs: new Map([
      [4, new Map([["VP_DROP_DISCARD", 5], ["VP_DROP_PULL", 0]])],
      [5, new Map([["VP_DROP_DISCARD", 2]])],
    ]),
  },
  device: (vif) => vif === 4 ? "tapdd789d34-27" : null,
  trace: { lost: 11, missed: 12, removed: 13 },
  damaged: 14,
  programs: { ms: 1500, runs: 20 },
  process: { cpuSeconds: 0.25, residentBytes: 1e8, startSeconds: 1795703722.5 },
  build: { version: "0.1.0", commit: "4457cb97c7ab", kernel: "6.12.1" },
  answers: new Map([[200, 3], [404, 0]]),
  writes: { written: 2, failed: 1 },
};

/** Lines of the text format, without comments. */
function linesOf(figures: DropFigures, prefix: "" | "vrft_" = ""): string[] {
  const text = exposition(dropMetrics(figures, prefix), "text");
  return text.trimEnd().split("\n").filter((line) => !line.startsWith("#"));
}

Deno.test("dropMetrics() has all figures", () => {
  const overflow = ["lost", "policy", "housekeeping", "counted", "unknown"].map((kind) =>
    `vrft_packet_dropped_total{source="other",reason="other",class="${kind}",cause="other",` +
    'vif="other",device="other",direction="other"} 0'
  );
  assert.deepEqual(linesOf(FIGURES), [
    'vrft_packet_dropped_total{source="vrouter",reason="VP_DROP_DISCARD",class="lost",cause="",' +
    'vif="vif0/4",device="tapdd789d34-27",direction="receive"} 3',
    'vrft_packet_dropped_total{source="vrouter",reason="VP_DROP_FLOW_ACTION_DROP",' +
    'class="policy",cause="SG",vif="",device="",direction=""} 1',
    ...overflow,
    "vrft_packet_dropped_label_sets 2",
    "vrft_module_counters_readable 1",
    'vrft_module_packet_dropped_total{reason="VP_DROP_DISCARD"} 7',
    'vrft_module_packet_dropped_total{reason="VP_DROP_PULL"} 0',
    'vrft_module_vif_packet_dropped_total{vif="vif0/4",device="tapdd789d34-27",' +
    'reason="VP_DROP_DISCARD"} 5',
    'vrft_module_vif_packet_dropped_total{vif="vif0/5",device="",reason="VP_DROP_DISCARD"} 2',
    "vrft_events_lost_total 11",
    "vrft_probe_hits_missed_total 12",
    "vrft_probes_removed_total 13",
    "vrft_records_damaged_total 14",
    "vrft_bpf_runs_total 20",
    "vrft_bpf_run_seconds_total 1.5",
    'vrft_build_info{version="0.1.0",commit="4457cb97c7ab",kernel="6.12.1"} 1',
    'vrft_http_requests_total{code="200"} 3',
    'vrft_http_requests_total{code="404"} 0',
    "vrft_textfile_writes_total 2",
    "vrft_textfile_errors_total 1",
    "process_cpu_seconds_total 0.25",
    "process_resident_memory_bytes 100000000",
    "process_start_time_seconds 1795703722.5",
  ]);
});

Deno.test("dropMetrics() leaves out what there is nothing of", () => {
  const names = (figures: DropFigures): Set<string> =>
    new Set(linesOf(figures).map((line) => line.split(/[{ ]/)[0]!));
  const all = names(FIGURES);
  const little = {
    ...FIGURES,
    module: undefined,
    programs: { ms: 0, runs: 0 },
    answers: null,
    writes: null,
  };
  assert.deepEqual(
    all.difference(names(little)),
    new Set([
      "vrft_module_counters_readable",
      "vrft_module_packet_dropped_total",
      "vrft_module_vif_packet_dropped_total",
      "vrft_bpf_runs_total",
      "vrft_bpf_run_seconds_total",
      "vrft_http_requests_total",
      "vrft_textfile_writes_total",
      "vrft_textfile_errors_total",
    ]),
  );
  const silent = linesOf({ ...FIGURES, module: null });
  assert.deepEqual(silent.filter((line) => line.includes("module")), [
    "vrft_module_counters_readable 0",
  ]);
});

Deno.test("dropMetrics() has a limit for the module's counters of vifs", () => {
  const one = new Map([["VP_DROP_DISCARD", 2], ["VP_DROP_PULL", 3]]);
  const vifs = new Map(Array.from({ length: MAX_LABEL_SETS / 2 + 7 }, (_, index) => [index, one]));
  const lines = linesOf({ ...FIGURES, module: { all: new Map(), vifs } })
    .filter((line) => line.startsWith("vrft_module_vif"));
  assert.equal(lines.length, MAX_LABEL_SETS + 1);
  assert.equal(
    lines.at(-1),
    'vrft_module_vif_packet_dropped_total{vif="other",device="other",reason="other"} 35',
  );
});

Deno.test("dropMetrics() has no names for a file that node_exporter has itself", () => {
  const names = linesOf(FIGURES, "vrft_").map((line) => line.split(/[{ ]/)[0]!);
  assert.deepEqual(names.filter((name) => !name.startsWith("vrft_")), []);
});

testUnless(whyNoMonitor("promtool"), "promtool has nothing to say about the metrics", async () => {
  for (const prefix of ["", "vrft_"] as const) {
    await checkMetrics(exposition(dropMetrics(FIGURES, prefix), "text"));
  }
});
