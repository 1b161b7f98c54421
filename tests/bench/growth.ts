/**
 * The part of the report on growth: a table and a plot for each thing that the cost may grow with.
 *
 * @module
 */

import { type Panel, plot } from "./plot.ts";
import { median, type Results } from "./samples.ts";

/** What is varied; those of the same name in guest/growth.ts. */
const DIMENSIONS: Readonly<Record<string, string>> = {
  functions: "functions attached to",
  interfaces: "interfaces chosen",
  cpus: "CPUs, each with a flood",
  floods: "floods side by side",
  "floods-with-1M": "floods side by side, --buffer 1M",
};

/** What is measured, in the order of the panels. */
const METRICS: Readonly<Record<string, string>> = {
  start: "start, s",
  stop: "stop, s",
  late: "1,000 events printed after Ctrl-C",
  slowdown: "slowdown, ×",
  events: "events in a round trip",
  cost: "µs of CPU for an event",
  rate: "1,000 events a second",
  lost: "events lost, %",
};

/** A dimension as it is shown. */
export interface Growth {
  readonly dimension: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  /** How much the costs have grown from one end of the axis to the other, in words. */
  readonly summary: string;
  /** The plot, as SVG. */
  readonly svg: string;
}

/** What was measured of growth; empty if nothing was. */
export function growth(results: Results): Growth[] {
  const panels = new Map<string, Map<string, Panel["points"][number][]>>();
  for (const [key, { values }] of results.samples) {
    const [, dimension, x, metric] = /^growth\/([^/]+)\/(\d+)\/(\w+)$/.exec(key) ?? [];
    if (dimension === undefined || values.length === 0) continue;
    const metrics = panels.get(dimension) ?? new Map();
    panels.set(dimension, metrics);
    const points = metrics.get(metric!) ?? [];
    metrics.set(metric!, points);
    points.push({
      x: Number(x),
      y: median(values),
      least: Math.min(...values),
      most: Math.max(...values),
    });
  }
  return Object.entries(DIMENSIONS).flatMap(([dimension, axis]) => {
    const metrics = panels.get(dimension);
    if (metrics === undefined) return [];
    const shown = Object.entries(METRICS).flatMap(([metric, title]) => {
      const points = metrics.get(metric);
      return points === undefined ? [] : [{ title, points: points.sort((a, b) => a.x - b.x) }];
    });
    const title = `vrft's cost by ${axis}`;
    return [{
      dimension,
      title,
      panels: shown,
      summary: summary(axis, shown),
      svg: plot(title, axis, shown),
    }];
  });
}

/** The metrics that are costs: they must not grow faster than what is varied. */
const COSTS = ["start", "stop", "slowdown", "cost"];

function summary(axis: string, panels: readonly Panel[]): string {
  const titles = COSTS.map((metric) => METRICS[metric]);
  const grown = panels.flatMap(({ title, points }) => {
    const [first, last] = [points[0]!, points.at(-1)!];
    if (!titles.includes(title) || first.x === last.x || first.y === 0) return [];
    // Without its unit.
    const what = title.replace(/,.*/, "");
    return [{ title, what, of: last.x / first.x, by: last.y / first.y, first, last }];
  });
  if (grown.length === 0) return "";
  const { of, first, last } = grown[0]!;
  const factors = grown.map(({ what, by }) => `${what} × ${by.toFixed(2)}`).join(", ");
  const late = panels.find(({ title }) => title === METRICS.late)?.points.at(-1)?.y ?? 0;
  const faster = grown
    // Where there is something to print at the end, that is a step from nothing, and no slope.
    .filter(({ title, of, by }) => by > of && (late < 1 || title !== METRICS.stop))
    .map(({ what }) => what);
  const verdict = faster.length === 0
    ? "Nothing grows faster than linearly."
    : `Faster than linearly: ${faster.join(", ")}.`;
  const range = `${first.x.toLocaleString("en-US")} to ${last.x.toLocaleString("en-US")}`;
  const end = late < 1
    ? ""
    : " A stop includes printing what the ring still holds, a ring full at most.";
  return `From ${range} ${axis}, ${of.toFixed(1)} times as many: ${factors}. ${verdict}${end}`;
}
