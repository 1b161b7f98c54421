/**
 * Drops over time, by their reason, vif or nexthop, and each of them.
 *
 * @module
 */

import type { VNode } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { amount } from "../sys/amount.ts";
import { colour, SERIES } from "./colours.ts";
import type { Trace } from "./trace.ts";
import { VirtualList } from "./virtual_list.tsx";
import { clockText, counted, sinceText } from "./words.ts";

const ROW_PIXELS = 24;
const CHART_PIXELS = 220;
/** Of A4, between its margins. */
const PAPER_PIXELS = 700;
/** Bars of the chart. */
const BINS = 100;
const OTHERS = "others";
const UNKNOWN = "unknown";

/** What drops are told apart by. */
const KINDS = ["reason", "vif", "nexthop"] as const;
type Kind = typeof KINDS[number];

/** Drops that have something in common. */
interface Group {
  readonly name: string;
  readonly drops: readonly number[];
}

/** What the view needs. */
export interface DropsProps {
  readonly trace: Trace;
  readonly isPrinting: boolean;
  readonly theme: string;
  /** Shows a packet. */
  readonly go: (row: number) => void;
}

/** The view of drops. */
export function Drops(props: DropsProps): VNode {
  const { trace, isPrinting, theme, go } = props;
  const { drops } = trace.data;
  const [kind, setKind] = useState<Kind>("reason");
  const [isLossOnly, setLossOnly] = useState(false);
  const [group, setGroup] = useState<string | null>(null);
  const shown = useMemo(() => shownOf(trace, isLossOnly), [trace, isLossOnly]);
  const groups = useMemo(() => groupsOf(trace, shown, kind), [trace, shown, kind]);
  if (drops.time.length === 0) return <p class="note">No packet was dropped</p>;
  const listed = groups.find(({ name }) => name === group)?.drops ?? shown;
  return (
    <section class="drops" aria-label="Drops">
      <div class="controls">
        <fieldset>
          <legend>by</legend>
          {KINDS.map((one) => (
            <label>
              <input
                type="radio"
                name="kind"
                checked={one === kind}
                onChange={() => {
                  setKind(one);
                  setGroup(null);
                }}
              />
              {one}
            </label>
          ))}
        </fieldset>
        <label>
          <input
            type="checkbox"
            checked={isLossOnly}
            onChange={({ currentTarget }) => setLossOnly(currentTarget.checked)}
          />
          only losses, without what a policy wants and what is no loss
        </label>
        <output>{counted(shown.length, "drop")}</output>
      </div>
      <Chart trace={trace} groups={groups} isPrinting={isPrinting} theme={theme} />
      {(isPrinting ? KINDS : [kind]).map((one) => (
        <Groups
          trace={trace}
          kind={one}
          groups={one === kind ? groups : groupsOf(trace, shown, one)}
          chosen={one === kind ? group : null}
          choose={setGroup}
        />
      ))}
      <List trace={trace} drops={listed} isPrinting={isPrinting} go={go} />
    </section>
  );
}

/** How many there are of each group, and when. */
function Groups({ trace, kind, groups, chosen, choose }: {
  readonly trace: Trace;
  readonly kind: Kind;
  readonly groups: readonly Group[];
  readonly chosen: string | null;
  readonly choose: (group: string | null) => void;
}): VNode {
  const { drops, duration, reasons } = trace.data;
  const since = (drop: number): string => sinceText(drops.time[drop]!, duration);
  return (
    <table class="groups">
      <thead>
        <tr>
          {[kind, "drops", "kind", "first", "last"].map((title) => <th key={title}>{title}</th>)}
        </tr>
      </thead>
      <tbody>
        {groups.map(({ name, drops: members }, index) => (
          <tr class={name === chosen ? "chosen" : ""}>
            <th>
              <i class={`series-${Math.min(index, SERIES - 1)}`} />
              <button
                type="button"
                aria-pressed={name === chosen}
                onClick={() =>
                  choose(name === chosen ? null : name)}
              >
                {name}
              </button>
            </th>
            <td>{amount(members.length)}</td>
            <td>
              {[...new Set(members.map((drop) => reasons[drops.reason[drop]!]!.class))].join(", ")}
            </td>
            <td>{since(members[0]!)}</td>
            <td>{since(members.at(-1)!)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Each drop. */
function List({ trace, drops: listed, isPrinting, go }: {
  readonly trace: Trace;
  readonly drops: readonly number[];
  readonly isPrinting: boolean;
  readonly go: (row: number) => void;
}): VNode {
  const [selected, select] = useState(-1);
  const { data } = trace;
  const { drops, reasons, functions } = data;
  return (
    <VirtualList
      id="drops"
      label="Drops; Enter shows the packet"
      className="drop-list"
      count={listed.length}
      rowHeight={ROW_PIXELS}
      selected={selected}
      select={select}
      open={(index) => {
        const row = drops.packet[listed[index]!]!;
        if (row >= 0) go(row);
      }}
      isPrinting={isPrinting}
      row={(index) => {
        const drop = listed[index]!;
        return (
          <>
            <span class="dim clock">{clockText(data, drops.time[drop]!)}</span>
            <span>{reasons[drops.reason[drop]!]!.label}</span>
            <span>{trace.text(drops.vif[drop]!)}</span>
            <span class="dim">{functions[drops.fn[drop]!] ?? ""}</span>
            <span>{trace.text(drops.text[drop]!)}</span>
          </>
        );
      }}
    />
  );
}

/** Drops over time, stacked. */
function Chart({ trace, groups, isPrinting, theme }: {
  readonly trace: Trace;
  readonly groups: readonly Group[];
  readonly isPrinting: boolean;
  readonly theme: string;
}): VNode {
  const box = useRef<HTMLDivElement>(null);
  const [bin, setBin] = useState<number | null>(null);
  const { duration, drops } = trace.data;
  const series = useMemo(() => seriesOf(groups), [groups]);
  const counts = useMemo(() => binned(series, drops.time, duration), [series]);
  const width = Math.max(1, duration) / BINS;
  useLayoutEffect(() => {
    const times = Array.from({ length: BINS }, (_, at) => (at + 0.5) * width / 1e9);
    const stacked = stack(counts);
    const [ink, line] = [colour("--dim"), colour("--line")];
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
    const plot = new uPlot(
      {
        width: isPrinting ? PAPER_PIXELS : Math.max(200, box.current!.clientWidth),
        height: CHART_PIXELS,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: {
          x: { time: false, range: [0, duration / 1e9] },
          y: { range: (_plot, _least, most) => [0, Math.max(1, most)] },
        },
        axes: [
          { ...axis, values: (_plot, values) => values.map((value) => `${+value.toFixed(9)} s`) },
          {
            ...axis,
            size: 60,
            values: (_plot, values) => values.map((value) => value % 1 === 0 ? amount(value) : ""),
          },
        ],
        series: [
          {},
          // The sum of all first: what is painted later covers it.
          ...series.map((_, index) => ({
            fill: colour(`--series-${Math.min(series.length - 1 - index, SERIES - 1)}`),
            width: 0,
            points: { show: false },
            paths: uPlot.paths.bars!({ size: [0.95, 100] }),
          })),
        ],
        hooks: { setCursor: [(plot) => setBin(plot.cursor.idx ?? null)] },
      },
      [times, ...stacked.toReversed()],
      box.current!,
    );
    const observer = new ResizeObserver(() => {
      if (!isPrinting) plot.setSize({ width: box.current!.clientWidth, height: CHART_PIXELS });
    });
    observer.observe(box.current!);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [counts, theme, isPrinting]);
  const said = bin === null ? "" : series.flatMap(({ name }, index) => {
    const count = counts[index]![bin]!;
    return count === 0 ? [] : [`${amount(count)} ${name}`];
  }).join(", ");
  return (
    <figure class="chart">
      <div id="chart" ref={box} role="img" aria-label="Drops over time; the table has the counts" />
      <figcaption class="note">
        {bin === null
          ? `Drops in each ${sinceText(width, duration)} since the start`
          : `${sinceText(bin * width, duration)} to ${sinceText((bin + 1) * width, duration)}: ${
            said === "" ? "none" : said
          }`}
      </figcaption>
    </figure>
  );
}

function shownOf({ data: { drops, reasons } }: Trace, isLossOnly: boolean): number[] {
  return [...drops.time.keys()].filter((drop) => {
    const kind = reasons[drops.reason[drop]!]!.class;
    return !isLossOnly || (kind !== "policy" && kind !== "housekeeping");
  });
}

/** The largest first. */
function groupsOf(trace: Trace, shown: readonly number[], kind: Kind): Group[] {
  const { drops, reasons } = trace.data;
  const groups = new Map<string, number[]>();
  for (const drop of shown) {
    const text = kind === "reason"
      ? reasons[drops.reason[drop]!]!.label
      : trace.text(drops[kind][drop]!);
    const name = text === "" ? UNKNOWN : text;
    const members = groups.get(name);
    if (members === undefined) groups.set(name, [drop]);
    else members.push(drop);
  }
  return [...groups].map(([name, drops]) => ({ name, drops }))
    .sort((one, other) => other.drops.length - one.drops.length);
}

/** Groups that have colours of their own, and the rest in one. */
function seriesOf(groups: readonly Group[]): readonly Group[] {
  if (groups.length <= SERIES) return groups;
  const rest = groups.slice(SERIES - 1).flatMap(({ drops }) => drops);
  return [...groups.slice(0, SERIES - 1), { name: OTHERS, drops: rest }];
}

function binned(
  series: readonly Group[],
  times: readonly number[],
  duration: number,
): number[][] {
  return series.map(({ drops }) => {
    const counts = new Array<number>(BINS).fill(0);
    for (const drop of drops) {
      const bin = Math.floor(times[drop]! / Math.max(1, duration) * BINS);
      counts[Math.max(0, Math.min(BINS - 1, bin))]!++;
    }
    return counts;
  });
}

/** Each with the sum of those before it. */
function stack(series: readonly number[][]): number[][] {
  const sum = new Array<number>(BINS).fill(0);
  return series.map((counts) => counts.map((count, bin) => sum[bin]! += count));
}
