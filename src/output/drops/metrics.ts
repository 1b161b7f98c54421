/**
 * The metrics of a trace of drops, for Prometheus: docs/prometheus.md describes them.
 *
 * @module
 */

import type { DropCounters } from "../../trace/reconcile.ts";
import type { TraceCounts } from "../../trace/tracer.ts";
import type { MetricFamily, MetricSample } from "../exposition.ts";
import { type DropCounts, MAX_LABEL_SETS } from "./counts.ts";

/** What the metrics are made of: counters since the start of the trace, and the state of the process. */
export interface DropFigures {
  readonly counts: Pick<DropCounts, "sets" | "overflow">;
  /** The module's counters; `null` if they cannot be read, `undefined` without the module. */
  readonly module: DropCounters | null | undefined;
  /** Device of a vif by its index; `null` if there is none. */
  readonly device: (vif: number) => string | null;
  readonly trace: Pick<TraceCounts, "lost" | "missed" | "removed">;
  /** Records of drops that could not be read. */
  readonly damaged: number;
  /** Timed runs of the BPF programs, and their milliseconds; no runs if the kernel does not time them. */
  readonly programs: { readonly ms: number; readonly runs: number };
  readonly process: ProcessFigures;
  readonly build: BuildFigures;
  /** Number of answers by their status; `null` without a server. */
  readonly answers: ReadonlyMap<number, number> | null;
  /** Attempts to write the file; `null` without one. */
  readonly writes: { readonly written: number; readonly failed: number } | null;
}

/** The process. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Unix time. */
  readonly startSeconds: number;
}

/** What runs where. */
export interface BuildFigures {
  readonly version: string;
  readonly commit: string;
  /** Release of the kernel. */
  readonly kernel: string;
}

/** Value of labels of what had no room. */
const OTHER = "other";

/**
 * All metrics.
 *
 * @param processPrefix of the names of those that any program has, `process_…`: node_exporter refuses a
 * file that has the names of its own
 */
export function dropMetrics(figures: DropFigures, processPrefix: "" | "vrft_"): MetricFamily[] {
  return [
    ...dropped(figures),
    ...ofModule(figures),
    ...ofTrace(figures),
    ...ofProcess(figures, processPrefix),
  ];
}

function dropped({ counts }: DropFigures): MetricFamily[] {
  return [
    {
      name: "vrft_packet_dropped",
      type: "counter",
      help:
        `Packets that vRouter or the kernel dropped, as vrft saw them: at most ${MAX_LABEL_SETS} ` +
        `label sets, and what has no room has only a class, and "${OTHER}" for the rest`,
      labels: ["source", "reason", "class", "cause", "vif", "device", "direction"],
      samples: dropSamples(counts),
    },
    gauge(
      "vrft_packet_dropped_label_sets",
      `Label sets of vrft_packet_dropped_total in use, of ${MAX_LABEL_SETS}`,
      counts.sets.length,
    ),
  ];
}

function* dropSamples({ sets, overflow }: DropFigures["counts"]): Iterable<MetricSample> {
  for (const { source, reason, class: kind, cause, vif, device, direction, count } of sets) {
    const place = [vif === null ? "" : vifLabel(vif), device ?? "", direction ?? ""];
    yield { labels: [source, reason, kind, cause ?? "", ...place], value: count };
  }
  for (const [kind, value] of overflow) {
    yield { labels: [OTHER, OTHER, kind, OTHER, OTHER, OTHER, OTHER], value };
  }
}

function ofModule({ module, device }: DropFigures): MetricFamily[] {
  if (module === undefined) return [];
  const readable = gauge(
    "vrft_module_counters_readable",
    "Whether the vrouter module answered when its drop counters were read",
    module === null ? 0 : 1,
  );
  if (module === null) return [readable];
  return [
    readable,
    {
      name: "vrft_module_packet_dropped",
      type: "counter",
      help: "Drops that the vrouter module has counted since it was loaded or its counters were " +
        "cleared, of all packets, whatever vrft traces",
      labels: ["reason"],
      samples: [...module.all].map(([reason, value]) => ({ labels: [reason], value })),
    },
    {
      name: "vrft_module_vif_packet_dropped",
      type: "counter",
      help: "Drops that the vrouter module has counted of a vif, without zeros: at most " +
        `${MAX_LABEL_SETS} label sets, and one of "${OTHER}" for the rest`,
      labels: ["vif", "device", "reason"],
      samples: vifSamples(module.vifs, device),
    },
  ];
}

function vifSamples(vifs: DropCounters["vifs"], device: DropFigures["device"]): MetricSample[] {
  const samples: MetricSample[] = [];
  let rest = 0;
  for (const [vif, counts] of vifs) {
    for (const [reason, value] of counts) {
      if (value === 0) continue;
      if (samples.length < MAX_LABEL_SETS) {
        samples.push({ labels: [vifLabel(vif), device(vif) ?? "", reason], value });
      } else rest += value;
    }
  }
  if (rest > 0) samples.push({ labels: [OTHER, OTHER, OTHER], value: rest });
  return samples;
}

function ofTrace(
  { trace, damaged, programs, build, answers, writes }: DropFigures,
): MetricFamily[] {
  const { version, commit, kernel } = build;
  return [
    counter("vrft_events_lost", "Events that found no room in the ring buffers", trace.lost),
    counter(
      "vrft_probe_hits_missed",
      "Probe hits for which the kernel did not run a BPF program",
      trace.missed,
    ),
    counter("vrft_probes_removed", "Probes that another program has removed", trace.removed),
    counter("vrft_records_damaged", "Records of drops that could not be read", damaged),
    ...programs.runs === 0 ? [] : [
      counter("vrft_bpf_runs", "Timed runs of vrft's BPF programs", programs.runs),
      {
        ...counter(
          "vrft_bpf_run_seconds",
          "CPU time of vrft's BPF programs, while the kernel times them",
          programs.ms / 1e3,
        ),
        unit: "seconds",
      },
    ],
    {
      name: "vrft_build",
      type: "info",
      help: "What this vrft was built from, and the release of the kernel that it traces",
      labels: ["version", "commit", "kernel"],
      samples: [{ labels: [version, commit, kernel], value: 1 }],
    },
    ...answers === null ? [] : [{
      name: "vrft_http_requests",
      type: "counter" as const,
      help: "Requests to vrft's HTTP server, by the status of the answer",
      labels: ["code"],
      samples: [...answers].map(([code, value]) => ({ labels: [`${code}`], value })),
    }],
    ...writes === null ? [] : [
      counter("vrft_textfile_writes", "Times this file was written", writes.written),
      counter("vrft_textfile_errors", "Times this file could not be written", writes.failed),
    ],
  ];
}

function ofProcess({ process }: DropFigures, prefix: string): MetricFamily[] {
  const { cpuSeconds, residentBytes, startSeconds } = process;
  const name = `${prefix}process`;
  const [seconds, bytes] = [{ unit: "seconds" }, { unit: "bytes" }];
  return [
    { ...counter(`${name}_cpu_seconds`, "CPU time of vrft itself", cpuSeconds), ...seconds },
    {
      ...gauge(`${name}_resident_memory_bytes`, "Resident memory of vrft", residentBytes),
      ...bytes,
    },
    {
      ...gauge(`${name}_start_time_seconds`, "When vrft was started, in Unix time", startSeconds),
      ...seconds,
    },
  ];
}

function counter(name: string, help: string, value: number): MetricFamily {
  return { name, type: "counter", help, labels: [], samples: [{ labels: [], value }] };
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, type: "gauge", help, labels: [], samples: [{ labels: [], value }] };
}

/** As vrouter's utilities write it. */
function vifLabel(index: number): string {
  return `vif0/${index}`;
}
