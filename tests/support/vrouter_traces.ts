/**
 * Traces of a real vrouter module, in tests/data/vrouter-traces: the calls of one packet each, and of those
 * that are made of it.
 *
 * @module
 */

const FOLDER = new URL("../data/vrouter-traces/", import.meta.url);

/** A call. */
export interface TraceCall {
  /** Of the first call 0, and so on, in the order of their beginnings. */
  readonly index: number;
  readonly fn: string;
  /** Which call of the function it is, from 1 on. */
  readonly nth: number;
  readonly depth: number;
  /** The call around it. */
  readonly parent: TraceCall | null;
  /** Nanoseconds since the first call. */
  readonly begin: number;
  end: number;
}

/** The start or the end of a call. */
export interface TraceStep {
  readonly call: TraceCall;
  readonly kind: "enter" | "leave";
}

const traces = new Map<string, readonly TraceStep[]>();

/** The steps of a trace, by its name. */
export function readVrouterTrace(name: string): readonly TraceStep[] {
  const steps = traces.get(name) ?? parse(name);
  traces.set(name, steps);
  return steps;
}

function parse(name: string): TraceStep[] {
  const text = Deno.readTextFileSync(new URL(`${name}.txt`, FOLDER));
  const steps: TraceStep[] = [];
  const open: TraceCall[] = [];
  const counts = new Map<string, number>();
  let index = 0;
  for (const line of text.split("\n")) {
    const row = /^(\d+) +\d+ ( *)(?:(\w+)\(\) \{|\})$/.exec(line);
    if (row === null) continue;
    const [, time, indent, fn] = row;
    if (fn === undefined) {
      const call = open.pop()!;
      call.end = Number(time);
      steps.push({ call, kind: "leave" });
      continue;
    }
    const nth = (counts.get(fn) ?? 0) + 1;
    counts.set(fn, nth);
    const [begin, depth] = [Number(time), indent!.length / 2];
    const parent = open.at(-1) ?? null;
    const call = { index: index++, fn, nth, depth, parent, begin, end: begin };
    open.push(call);
    steps.push({ call, kind: "enter" });
  }
  return steps;
}

/** Names of all traces. */
export function vrouterTraces(): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name.replace(".txt", "")).sort();
}

/** Whether a call is inside of another one of the function. */
export function isInside(call: TraceCall, fn: string, nth = 1): boolean {
  for (let one = call.parent; one !== null; one = one.parent) {
    if (one.fn === fn && one.nth === nth) return true;
  }
  return false;
}
