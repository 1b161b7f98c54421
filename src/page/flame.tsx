/**
 * Where the time went: chains of calls as a flame graph, the callers on top, and the functions that took most.
 *
 * @module
 */

import type { VNode } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { PageData } from "../output/html/page_data.ts";
import { timeText } from "../output/packets/words.ts";
import { amount } from "../sys/amount.ts";
import { colour, hashOf, SERIES } from "./colours.ts";
import { counted, shareText } from "./words.ts";

const ROW_PIXELS = 18;
/** Of A4, between its margins. */
const PAPER_PIXELS = 700;
const FUNCTIONS = 30;
/** Narrower ones have no text. */
const TEXT_PIXELS = 30;

/** Chains with what follows from their columns. The last one stands for all of them. */
interface Chains {
  readonly count: number;
  readonly parent: Int32Array;
  readonly depth: readonly number[];
  /** Nanoseconds, with all longer chains, and where they begin. */
  readonly total: Float64Array;
  readonly begin: Float64Array;
  readonly all: number;
  readonly rows: number;
}

/** The view of the flame graph. */
export function Flame(
  { data, isPrinting, theme }: {
    readonly data: PageData;
    readonly isPrinting: boolean;
    readonly theme: string;
  },
): VNode {
  const { flame, functions } = data;
  const chains = useMemo(() => chainsOf(flame), [flame]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(PAPER_PIXELS);
  const [focus, setFocus] = useState(-1);
  const [selected, select] = useState(-1);
  const [query, setQuery] = useState("");
  const shownWidth = isPrinting ? PAPER_PIXELS : width;
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(canvas.current!.parentElement!);
    return () => observer.disconnect();
  }, []);
  const text = (chain: number): string => {
    const total = chains.total[chain]!;
    return `${functions[flame.fn[chain]!]}: ${timeText(total)}, ${
      shareText(total / chains.all)
    } of all; itself ${timeText(flame.self[chain]!)} in ${counted(flame.calls[chain]!, "call")}`;
  };
  useLayoutEffect(() => {
    draw(canvas.current!, chains, {
      width: shownWidth,
      focus: isPrinting ? -1 : focus,
      selected,
      name: (chain) => functions[flame.fn[chain]!]!,
      query: query.toLowerCase(),
    });
  }, [chains, shownWidth, focus, selected, query, theme, isPrinting]);
  const at = (event: MouseEvent): number => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    return chainAt(chains, focus, {
      share: (event.clientX - left) / shownWidth,
      row: Math.floor((event.clientY - top) / ROW_PIXELS),
    });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && focus >= 0) setFocus(-1);
    else if (event.key === "Enter" && selected >= 0) setFocus(selected);
    else if (event.key.startsWith("Arrow")) select(neighbour(chains, selected, event.key));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  if (chains.all === 0) return <p class="note">No call whose time is known</p>;
  return (
    <section class="flame" aria-label="Flame graph">
      <div class="controls">
        <input
          type="search"
          value={query}
          placeholder="Function"
          aria-label="Mark functions"
          spellcheck={false}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
        <button type="button" disabled={focus < 0} onClick={() => setFocus(-1)}>All calls</button>
        <output aria-live="polite">
          {selected < 0
            ? `${timeText(chains.all)} in all calls: click, or Enter, zooms; Escape goes back`
            : text(selected)}
        </output>
      </div>
      <div class="canvas">
        <canvas
          id="flame"
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label="Flame graph: arrows choose a call, Enter zooms to it, Escape goes back"
          onKeyDown={onKeyDown}
          onMouseMove={(event) => select(at(event))}
          onMouseLeave={() => select(-1)}
          onClick={(event) => setFocus(at(event))}
        />
      </div>
      <Functions data={data} all={chains.all} />
    </section>
  );
}

/** The functions that took most themselves. */
function Functions({ data: { flame, functions }, all }: {
  readonly data: PageData;
  readonly all: number;
}): VNode {
  const rows = useMemo(() => {
    const self = new Float64Array(functions.length);
    const calls = new Float64Array(functions.length);
    flame.fn.forEach((fn, chain) => {
      self[fn]! += flame.self[chain]!;
      calls[fn]! += flame.calls[chain]!;
    });
    return functions.map((name, fn) => ({ name, self: self[fn]!, calls: calls[fn]! }))
      .filter(({ calls }) => calls > 0)
      .sort((one, other) => other.self - one.self);
  }, [flame]);
  return (
    <table>
      <caption>
        {rows.length > FUNCTIONS
          ? `The ${FUNCTIONS} functions of ${rows.length} that took most`
          : "Functions"}, without the calls inside them
      </caption>
      <thead>
        <tr>
          {["Function", "Time", "Share", "Calls"].map((title) => <th key={title}>{title}</th>)}
        </tr>
      </thead>
      <tbody>
        {rows.slice(0, FUNCTIONS).map(({ name, self, calls }) => (
          <tr>
            <th>{name}</th>
            <td>{timeText(self)}</td>
            <td>{shareText(self / all)}</td>
            <td>{amount(calls)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function chainsOf({ depth, self }: PageData["flame"]): Chains {
  const count = depth.length;
  const parent = new Int32Array(count).fill(-1);
  const total = Float64Array.from(self);
  const begin = new Float64Array(count);
  const open: number[] = [];
  for (let chain = 0; chain < count; chain++) {
    open.length = depth[chain]!;
    parent[chain] = open.at(-1) ?? -1;
    open.push(chain);
  }
  let all = 0;
  for (let chain = count - 1; chain >= 0; chain--) {
    const around = parent[chain]!;
    if (around >= 0) total[around]! += total[chain]!;
    else all += total[chain]!;
  }
  // By chain: where the next one inside it begins.
  const next = new Float64Array(count);
  let end = 0;
  let rows = 0;
  for (let chain = 0; chain < count; chain++) {
    const around = parent[chain]!;
    begin[chain] = around < 0 ? end : next[around]!;
    next[chain] = begin[chain]!;
    if (around < 0) end += total[chain]!;
    else next[around]! += total[chain]!;
    rows = Math.max(rows, depth[chain]! + 1);
  }
  return { count, parent, depth, total, begin, all, rows };
}

/** What of the time is in sight. @param focus a chain; -1 for all */
function rangeOf({ begin, total, all }: Chains, focus: number): readonly [number, number] {
  return focus < 0 ? [0, all] : [begin[focus]!, total[focus]!];
}

function chainAt(
  chains: Chains,
  focus: number,
  { share, row }: { readonly share: number; readonly row: number },
): number {
  const { count, begin, total, depth } = chains;
  const [from, length] = rangeOf(chains, focus);
  const time = from + share * length;
  for (let chain = 0; chain < count; chain++) {
    if (depth[chain] !== row) continue;
    if (begin[chain]! <= time && time < begin[chain]! + total[chain]!) return chain;
  }
  return -1;
}

/** The chain that an arrow leads to. */
function neighbour({ parent, depth, total, count }: Chains, chain: number, key: string): number {
  if (chain < 0) return count > 0 ? 0 : -1;
  if (key === "ArrowUp") return Math.max(0, parent[chain]!);
  if (key === "ArrowDown") {
    return chain + 1 < count && parent[chain + 1] === chain ? chain + 1 : chain;
  }
  const step = key === "ArrowRight" ? 1 : -1;
  for (let at = chain + step; at >= 0 && at < count; at += step) {
    if (depth[at]! < depth[chain]!) break;
    if (parent[at] === parent[chain] && total[at]! > 0) return at;
  }
  return chain;
}

function draw(
  canvas: HTMLCanvasElement,
  chains: Chains,
  { width, focus, selected, name, query }: {
    readonly width: number;
    readonly focus: number;
    readonly selected: number;
    readonly name: (chain: number) => string;
    readonly query: string;
  },
): void {
  const { count, begin, total, depth, rows } = chains;
  const scale = globalThis.devicePixelRatio || 1;
  const height = rows * ROW_PIXELS;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  const fills = Array.from({ length: SERIES }, (_, index) => colour(`--flame-${index}`));
  const [ink, mark, back] = [colour("--ink"), colour("--mark"), colour("--back")];
  const [from, length] = rangeOf(chains, focus);
  for (let chain = 0; chain < count; chain++) {
    const left = Math.max(0, (begin[chain]! - from) / length * width);
    const right = Math.min(width, (begin[chain]! + total[chain]! - from) / length * width);
    if (right - left < 0.5) continue;
    const text = name(chain);
    const top = depth[chain]! * ROW_PIXELS;
    const isMarked = query !== "" && text.toLowerCase().includes(query);
    context.fillStyle = isMarked ? mark : fills[hashOf(text) % SERIES]!;
    context.fillRect(left, top, Math.max(0.5, right - left - 0.5), ROW_PIXELS - 1);
    if (chain === selected) {
      context.strokeStyle = ink;
      context.strokeRect(left + 0.5, top + 0.5, right - left - 1, ROW_PIXELS - 2);
    }
    if (right - left < TEXT_PIXELS) continue;
    context.fillStyle = isMarked ? back : ink;
    context.save();
    context.beginPath();
    context.rect(left, top, right - left - 4, ROW_PIXELS);
    context.clip();
    context.fillText(text, left + 4, top + ROW_PIXELS / 2);
    context.restore();
  }
}
