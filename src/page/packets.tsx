/**
 * The list of packets, with a search, and the packet that is chosen.
 *
 * @module
 */

import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { PacketColumns } from "../output/html/page_data.ts";
import { timeText } from "../output/packets/words.ts";
import { amount } from "../sys/amount.ts";
import { Packet } from "./packet.tsx";
import { search } from "./search.ts";
import type { Trace } from "./trace.ts";
import { VirtualList } from "./virtual_list.tsx";
import { clockText, counted } from "./words.ts";

const ROW_PIXELS = 24;

/** What of the packets is shown. */
export interface PacketsState {
  readonly query: string;
  /** Index of an outcome; `null` for any. */
  readonly type: number | null;
  readonly order: Order;
  /** The packet that is chosen; -1 for none. */
  readonly row: number;
}

/** By what packets are sorted. */
export type Order = "time" | "longest" | "shortest";

const ORDERS: readonly (readonly [Order, string])[] = [
  ["time", "in the order of time"],
  ["longest", "longest first"],
  ["shortest", "shortest first"],
];

/** What the view needs. */
export interface PacketsProps {
  readonly trace: Trace;
  readonly state: PacketsState;
  readonly change: (state: Partial<PacketsState>) => void;
  readonly isPrinting: boolean;
}

/** The view of packets. */
export function Packets({ trace, state, change, isPrinting }: PacketsProps): VNode {
  const { query, type, order, row } = state;
  const { data } = trace;
  const { packets, outcomes } = data;
  const found = useMemo(() => sorted(search(trace, query, type), packets, order), [
    trace,
    query,
    type,
    order,
  ]);
  const selected = useMemo(() => found.indexOf(row), [found, row]);
  const counts = useMemo(() => countsOf(packets.type, outcomes.length), [trace]);
  return (
    <section class="packets" aria-label="Packets">
      <div class="controls" role="search">
        <input
          id="search"
          type="search"
          value={query}
          placeholder="Search: 10.1.1.7  !icmp  >1ms  fn:vr_flow  #17"
          aria-label="Search packets"
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => change({ query: event.currentTarget.value })}
        />
        <select
          id="outcome"
          aria-label="What became of them"
          onChange={({ currentTarget: { value } }) =>
            change({ type: value === "" ? null : Number(value) })}
        >
          <option value="">all outcomes</option>
          {outcomes.map((outcome, index) => (
            <option value={index} selected={index === type}>
              {outcome} ({amount(counts[index]!)})
            </option>
          ))}
        </select>
        <select
          id="order"
          aria-label="Order"
          onChange={({ currentTarget: { value } }) => change({ order: value as Order })}
        >
          {ORDERS.map(([value, text]) => (
            <option value={value} selected={value === order}>{text}</option>
          ))}
        </select>
        <output id="found" for="search">
          {found.length === trace.length
            ? counted(found.length, "packet")
            : `${amount(found.length)} of ${counted(trace.length, "packet")}`}
        </output>
      </div>
      <div class="columns">
        <VirtualList
          id="packets"
          label="Packets"
          className="packet-list"
          count={found.length}
          rowHeight={ROW_PIXELS}
          selected={selected}
          select={(index) => change({ row: found[index]! })}
          open={() => document.getElementById("calls")?.focus()}
          isPrinting={isPrinting}
          row={(index) => {
            const row = found[index]!;
            return (
              <>
                <span class="number dim">#{packets.number[row]}</span>
                <span class="dim clock">{clockText(data, packets.begin[row]!)}</span>
                <span class="number">{timeText(packets.duration[row]!)}</span>
                <span class={`tone-${trace.tone(row)}`}>{trace.text(packets.outcome[row]!)}</span>
                <span>{trace.text(packets.text[row]!)}</span>
              </>
            );
          }}
        />
        {row < 0
          ? <p class="note">{trace.length === 0 ? "No packet came into vrouter" : HELP}</p>
          : (
            <Packet
              trace={trace}
              row={row}
              isPrinting={isPrinting}
              go={(row) => change({ row })}
            />
          )}
      </div>
    </section>
  );
}

const HELP = "Choose a packet to see its decisions and calls";

function sorted(found: Uint32Array, packets: PacketColumns, order: Order): Uint32Array {
  const [column, sign] = order === "time"
    ? [packets.begin, 1]
    : [packets.duration, order === "longest" ? -1 : 1];
  return found.sort((one, other) => sign * (column[one]! - column[other]!) || one - other);
}

function countsOf(types: readonly number[], length: number): number[] {
  const counts = new Array<number>(length).fill(0);
  for (const type of types) counts[type]!++;
  return counts;
}
