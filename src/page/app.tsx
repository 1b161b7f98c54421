/**
 * The page: what was traced, what is missing, and one of the views.
 *
 * @module
 */

import { Fragment, type VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Drops } from "./drops.tsx";
import { Flame } from "./flame.tsx";
import { Packets, type PacketsState } from "./packets.tsx";
import { Stages } from "./stages.tsx";
import type { Trace } from "./trace.ts";
import { counted, dateText, sinceText } from "./words.ts";

const VIEWS = ["Packets", "Stages", "Drops", "Flame graph"] as const;
type ViewName = typeof VIEWS[number];

const KEYS: readonly (readonly [string, string])[] = [
  ["/", "search packets"],
  ["1 2 3 4", "packets, stages, drops, flame graph"],
  ["↑ ↓ Page Up Page Down Home End", "choose a packet, a drop or a call"],
  ["Enter", "from a packet to its calls, from a drop to its packet; zoom to a call"],
  ["Escape", "zoom out; from the search back to the packets"],
  ["t", "light or dark"],
  ["?", "these keys"],
];

/** What the page needs. */
export interface AppProps {
  readonly trace: Trace;
  /** All views for paper, instead of one for the screen. */
  readonly isPrinting: boolean;
}

/** The page. */
export function App({ trace, isPrinting }: AppProps): VNode {
  const [view, setView] = useState<ViewName>("Packets");
  const [theme, setTheme] = useState("");
  const [state, setState] = useState<PacketsState>({
    query: "",
    type: null,
    order: "time",
    row: trace.length > 0 ? 0 : -1,
  });
  const keys = useRef<HTMLDialogElement>(null);
  const change = (some: Partial<PacketsState>): void => setState((all) => ({ ...all, ...some }));
  const go = (row: number): void => {
    change({ row, query: "", type: null });
    setView("Packets");
  };
  const darken = (): void => setTheme(isDark(theme) ? "light" : "dark");
  const scheme = isPrinting ? "light" : theme;
  useScheme(scheme);
  // What is drawn follows the system's change, too.
  const [system, setSystem] = useState(0);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const changed = (): void => setSystem((count) => count + 1);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const { target, key } = event;
      const isTyping = target instanceof HTMLSelectElement ||
        target instanceof HTMLInputElement && target.type === "search";
      if (event.ctrlKey || event.altKey || event.metaKey || keys.current!.open) return;
      if (key === "Escape" && target instanceof HTMLInputElement) focusOn("packets");
      if (isTyping) {
        if (key !== "ArrowDown" || (target as HTMLElement).id !== "search") return;
        focusOn("packets");
      } else if (key === "/") {
        setView("Packets");
        // Once it is there.
        setTimeout(() => focusOn("search"));
      } else if (key === "?") keys.current!.showModal();
      else if (key === "t") darken();
      else if (/^[1-4]$/.test(key)) setView(VIEWS[Number(key) - 1]!);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  });
  const drawn = `${scheme} ${system}`;
  const contents: Readonly<Record<ViewName, () => VNode>> = {
    "Packets": () => (
      <Packets
        trace={trace}
        state={state}
        change={change}
        isPrinting={isPrinting}
      />
    ),
    "Stages": () => <Stages stages={trace.data.stages} />,
    "Drops": () => <Drops trace={trace} isPrinting={isPrinting} theme={drawn} go={go} />,
    "Flame graph": () => <Flame data={trace.data} isPrinting={isPrinting} theme={drawn} />,
  };
  return (
    <div class={isPrinting ? "page paper" : "page"}>
      <Head trace={trace} />
      <nav>
        <div role="tablist" aria-label="Views">
          {VIEWS.map((name, index) => (
            <button
              type="button"
              role="tab"
              aria-selected={name === view}
              aria-controls="view"
              title={`Key ${index + 1}`}
              onClick={() => setView(name)}
            >
              {name}
            </button>
          ))}
        </div>
        <button type="button" onClick={darken} title="Key t">Light or dark</button>
        <button type="button" onClick={() => keys.current!.showModal()} title="Key ?">Keys</button>
      </nav>
      <main>
        <div id="view" role="tabpanel" aria-label={view}>
          {isPrinting
            ? VIEWS.map((name) => (
              <Fragment key={name}>
                <h2>{name}</h2>
                {contents[name]()}
              </Fragment>
            ))
            : contents[view]()}
        </div>
      </main>
      <dialog ref={keys} aria-label="Keys">
        <dl>
          {KEYS.map(([key, what]) => (
            <>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </div>
  );
}

/** What was traced, and what of it is missing. */
function Head({ trace: { data } }: { readonly trace: Trace }): VNode {
  const { host, kernel, program, start, duration, counts, missing } = data;
  const facts = [
    kernel === "" ? "" : `Linux ${kernel}`,
    start === null ? "" : dateText(start),
    sinceText(duration, duration),
    program,
  ];
  return (
    <header>
      <h1>{host === "" ? "vRouter" : `vRouter of ${host}`}</h1>
      <p class="dim">{facts.filter((fact) => fact !== "").join(" · ")}</p>
      <p>
        {[
          counted(counts.packets, "packet"),
          counted(counts.calls, "call"),
          counted(counts.drops, "drop"),
        ].join(" · ")}
      </p>
      {missing.length === 0
        ? <p id="missing" class="whole">Nothing is known to be missing</p>
        : (
          <p id="missing" class="lacks" role="status">
            <b>Not all is here:</b> {missing.join("; ")}
          </p>
        )}
    </header>
  );
}

function isDark(theme: string): boolean {
  return theme === "" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
}

/** Sets it before anything is drawn in its colours. */
function useScheme(scheme: string): void {
  const { style } = document.documentElement;
  if (style.colorScheme !== scheme) style.colorScheme = scheme;
}

function focusOn(id: string): void {
  document.getElementById(id)?.focus();
}
