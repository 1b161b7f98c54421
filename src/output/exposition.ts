/**
 * Metrics in the two text formats that Prometheus reads: its own, version 0.0.4, and OpenMetrics 1.0.
 *
 * They differ in what a counter is called in front of its samples, in units, in how HELP is escaped, and in
 * the last line.
 *
 * @module
 */

/** One of the formats. */
export type ExpositionFormat = "text" | "openmetrics";

/** Media type of each format, for a Content-Type. */
export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** What has the same name. */
export interface MetricFamily {
  /** Without the suffix `_total` of a counter, and `_info` of an info; with the unit, if it has one. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "info";
  /** Base unit at the end of the name: `seconds`, `bytes`. */
  readonly unit?: string;
  /** A sentence without period. */
  readonly help: string;
  /** Names of the labels of all its samples. */
  readonly labels: readonly string[];
  readonly samples: Iterable<MetricSample>;
}

/** One value. */
export interface MetricSample {
  /** Values of the labels, in their order. */
  readonly labels: readonly string[];
  readonly value: number;
}

const SUFFIXES = { counter: "_total", gauge: "", info: "_info" } as const;

/** The metrics as text. */
export function exposition(families: Iterable<MetricFamily>, format: ExpositionFormat): string {
  let text = "";
  for (const { name, type, unit, help, labels, samples } of families) {
    const sample = `${name}${SUFFIXES[type]}`;
    if (format === "openmetrics") {
      text += `# HELP ${name} ${escaped(help, QUOTED)}\n# TYPE ${name} ${type}\n`;
      if (unit !== undefined) text += `# UNIT ${name} ${unit}\n`;
    } else {
      text += `# HELP ${sample} ${escaped(help, UNQUOTED)}\n`;
      text += `# TYPE ${sample} ${type === "info" ? "gauge" : type}\n`;
    }
    for (const { labels: values, value } of samples) {
      text += `${sample}${labelText(labels, values)} ${numberText(value)}\n`;
    }
  }
  return format === "openmetrics" ? `${text}# EOF\n` : text;
}

function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return "";
  return `{${names.map((name, at) => `${name}="${escaped(values[at] ?? "", QUOTED)}"`).join(",")}}`;
}

/** What must be escaped between quotes, and where there are none. */
const [QUOTED, UNQUOTED] = [/[\\"\n]/g, /[\\\n]/g];

/** Lone surrogates have no UTF-8. */
function escaped(text: string, special: RegExp): string {
  const replaced = text.replace(
    special,
    (character) => character === "\n" ? "\\n" : `\\${character}`,
  );
  return replaced.toWellFormed();
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : `${value}`;
}
