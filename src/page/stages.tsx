/**
 * How long packets were in each stage: a table, and a histogram for each.
 *
 * @module
 */

import type { VNode } from "preact";
import type { StageRow } from "../output/html/page_data.ts";
import { timeText } from "../output/packets/words.ts";
import { amount } from "../sys/amount.ts";
import { counted } from "./words.ts";

/** The view of stages. */
export function Stages({ stages }: { readonly stages: readonly StageRow[] }): VNode {
  if (stages.length === 0) return <p class="note">No packet was seen on its whole way</p>;
  return (
    <section class="statistics" aria-label="Stages">
      <table>
        <thead>
          <tr>
            {["Stage", "Packets", "p50", "p99", "Longest"].map((title) => (
              <th key={title}>{title}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {stages.map(({ name, isWait, times }) => (
            <tr>
              <th>{isWait ? `[${name}]` : name}</th>
              <td>{amount(times.count)}</td>
              <td>{timeText(times.p50)}</td>
              <td>{timeText(times.p99)}</td>
              <td>{timeText(times.max)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">In brackets: waits, during which nobody works on the packet</p>
      <div class="histograms">
        {stages.map((stage) => <Histogram key={stage.name} stage={stage} />)}
      </div>
    </section>
  );
}

function Histogram({ stage: { name, isWait, histogram } }: { readonly stage: StageRow }): VNode {
  const most = Math.max(...histogram.map(({ count }) => count));
  return (
    <figure class="histogram">
      <figcaption>{isWait ? `[${name}]` : name}</figcaption>
      {histogram.map(({ from, to, count }) => (
        <div
          title={`${timeText(from)} to ${timeText(to)}: ${counted(count, "packet")}`}
        >
          <span class="number">{timeText(from)}</span>
          <span class="bar">
            {count === 0 ? null : <i style={{ width: `${count / most * 100}%` }} />}
          </span>
          <span class="number">{amount(count)}</span>
        </div>
      ))}
    </figure>
  );
}
