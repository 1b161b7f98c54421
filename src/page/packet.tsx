/**
 * One packet: its stages, what was decided about it, and its calls.
 *
 * @module
 */

import type { VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { PageCall } from "../output/html/calls.ts";
import { TONES } from "../output/html/page_data.ts";
import { timeText } from "../output/packets/words.ts";
import { STAGES, WAITS } from "../vrouter/stages.ts";
import type { Trace } from "./trace.ts";
import { VirtualList } from "./virtual_list.tsx";
import { clockText, counted } from "./words.ts";

const CALL_PIXELS = 20;

/** What a view of a packet needs. */
export interface PacketProps {
  readonly trace: Trace;
  readonly row: number;
  readonly isPrinting: boolean;
  /** Shows another packet. */
  readonly go: (row: number) => void;
}

/** A packet. */
export function Packet({ trace, row, isPrinting, go }: PacketProps): VNode {
  const { data } = trace;
  const { packets } = data;
  const parent = packets.parent[row]!;
  const parentRow = parent > 0 ? trace.rowOf(parent) : -1;
  return (
    <article class="packet" aria-label={`Packet ${packets.number[row]}`}>
      <h2>
        #{packets.number[row]} {trace.text(packets.text[row]!)}
      </h2>
      <p>
        <span class={`tone-${trace.tone(row)}`}>{trace.text(packets.outcome[row]!)}</span>
        {packets.incomplete[row] === 1 ? <span class="tone-warning">(events lost)</span> : null}
        <span>{timeText(packets.duration[row]!)}</span>
        <span class="dim">{clockText(data, packets.begin[row]!)}</span>
        {parent === 0
          ? null
          : parentRow < 0
          ? <span class="dim">copy{parent > 0 ? ` of #${parent}` : ""}</span>
          : <button type="button" onClick={() => go(parentRow)}>copy of #{parent}</button>}
      </p>
      <StageStrip stages={trace.stagesOf(row)} />
      <ul class="way">
        {trace.linesOf(row).map((line, index) => {
          const [text, tone] = data.lines[line]!;
          return <li key={index} class={`tone-${TONES[tone]!}`}>{trace.text(text)}</li>;
        })}
      </ul>
      <Waterfall key={row} trace={trace} row={row} isPrinting={isPrinting} />
    </article>
  );
}

/** The stages as parts of a bar, as long as they took, and in words. */
function StageStrip({ stages }: { readonly stages: ReturnType<Trace["stagesOf"]> }): VNode {
  const mark = (name: string): string =>
    `stage-${(STAGES as readonly string[]).indexOf(name)}${isWait(name) ? " wait" : ""}`;
  return (
    <div class="stages">
      <div class="strip" aria-hidden="true">
        {stages.map(({ name, duration }) => (
          <i class={mark(name)} style={{ flexGrow: `${duration}` }} title={name} />
        ))}
      </div>
      <ul>
        {stages.map(({ name, duration }) => (
          <li>
            <i class={mark(name)} /> {isWait(name) ? `[${name}]` : name} <b>{timeText(duration)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

function isWait(name: string): boolean {
  return (WAITS as ReadonlySet<string>).has(name);
}

/** The calls, each with a bar where and as long as it ran. */
function Waterfall(
  { trace, row, isPrinting }: Omit<PacketProps, "go">,
): VNode | null {
  const calls = useMemo(() => trace.callsOf(row), [trace, row]);
  const [selected, select] = useState(-1);
  const whole = useMemo(() => rangeOf(calls), [calls]);
  const [range, setRange] = useState(whole);
  useEffect(() => setRange(whole), [whole]);
  const { packets, functions } = trace.data;
  const omitted = packets.callsOmitted[row]!;
  if (calls.length === 0) {
    return <p class="note">{omitted > 0 ? `${omitted} calls, none in this page` : "No calls"}</p>;
  }
  const isZoomed = range !== whole;
  const zoom = (index: number): void => {
    const { begin, duration } = calls[index]!;
    setRange({ from: begin, length: Math.max(1, duration) });
  };
  return (
    <section class="waterfall" aria-label="Calls">
      <h3>
        {counted(calls.length, "call")} in {timeText(whole.length)}
        {omitted > 0 ? `, ${omitted} left out` : ""}
        {isZoomed
          ? (
            <button type="button" onClick={() => setRange(whole)}>
              all of {timeText(whole.length)}
            </button>
          )
          : null}
      </h3>
      <div
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !isZoomed) return;
          setRange(whole);
          event.stopPropagation();
        }}
      >
        <VirtualList
          id="calls"
          label="Calls of the packet; Enter zooms to one, Escape out again"
          className="calls"
          count={calls.length}
          rowHeight={CALL_PIXELS}
          selected={selected}
          select={select}
          open={zoom}
          isPrinting={isPrinting}
          row={(index) => {
            const call = calls[index]!;
            const before = calls[index - 1];
            const moved = before?.cpu !== call.cpu || before.task !== call.task;
            return (
              <>
                <span class="fn" style={{ paddingLeft: `${Math.min(call.depth, 30) * 10}px` }}>
                  {functions[call.fn]}
                  {moved ? <span class="dim">{placeOf(call)}</span> : null}
                </span>
                <span class="bar">
                  <i style={barOf(call, range)} />
                </span>
                <span class="number">{endOf(call)}</span>
              </>
            );
          }}
        />
      </div>
    </section>
  );
}

interface Range {
  readonly from: number;
  readonly length: number;
}

function rangeOf(calls: readonly PageCall[]): Range {
  let [from, to] = [0, 0];
  for (const { begin, duration } of calls) {
    from = Math.min(from, begin);
    to = Math.max(to, begin + duration);
  }
  return { from, length: Math.max(1, to - from) };
}

function barOf({ begin, duration }: PageCall, { from, length }: Range): Record<string, string> {
  const share = (at: number): number => Math.max(0, Math.min(1, (at - from) / length));
  const [left, right] = [share(begin), share(begin + duration)];
  const isOutside = begin > from + length || begin + duration < from;
  return {
    // What is too short to be seen has two pixels.
    left: `min(${left * 100}%, 100% - 2px)`,
    width: `${(right - left) * 100}%`,
    visibility: isOutside ? "hidden" : "visible",
  };
}

function placeOf({ cpu, task }: PageCall): string {
  return `CPU ${cpu}, ${task === 0 ? "idle task" : `task ${task}`}`;
}

function endOf({ duration, end }: PageCall): string {
  return end === "return" ? timeText(duration) : end;
}
