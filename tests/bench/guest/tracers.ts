/**
 * In the guest: vrft and its peers, each with the command line that is measured and with what it says
 * of itself afterwards.
 *
 * @module
 */

import { Broken, type Ended, must, readText, type Tracer } from "./programs.ts";

/** Where scripts/bench puts the roots of the peers from Debian's packages. */
const PEERS = "/peers";
/** In every root, as on the guest's own: what a run leaves behind. */
export const WORK = "/tmp/bench";
const LIST = `${WORK}/functions`;
const OUTPUT = `${WORK}/output`;
const READY = `${WORK}/ready`;
/** Our own peer, from tests/bench/peer.c. */
const PEER = ["/root/bench/peer", "/root/bench/peer.bpf.o"];

const TRIXIE = `${PEERS}/trixie`;
const BOOKWORM = `${PEERS}/bookworm`;

/** What became of the events of a run. */
export interface Kept {
  /** Events that were printed, or are in the tracer's file. */
  readonly kept: number;
  /** Events that the tracer says are lost; `null` where it says nothing. */
  readonly lost: number | null;
}

/** A tracer that is measured. */
export interface Contender extends Tracer {
  /** Counts the events of a run that has ended, while its files are still there. */
  readonly count?: (ended: Ended) => Promise<Kept>;
  /** Counts them while the tracer still runs, behind the last flood. */
  readonly countLive?: () => Kept;
}

/** A function that vrft traces. */
export interface PacketFunction {
  readonly name: string;
  readonly struct: string;
  readonly position: number;
  readonly indirection: number;
  readonly address: string | null;
}

/** The functions that vrft traces here. */
export async function packetFunctions(): Promise<PacketFunction[]> {
  return JSON.parse(await must("vrft", "functions", "--json"));
}

/**
 * Writes the list of functions for our own peer: peer.c says how.
 *
 * @param functions all of those that it is to attach to
 */
export function listFunctions(functions: readonly PacketFunction[]): void {
  Deno.mkdirSync(WORK, { recursive: true });
  const lines = functions.filter(({ address }) => address !== null).map((fn, index) => {
    const vrPacket = fn.struct === "vr_packet" ? 8 : 0;
    const indirect = fn.indirection > 1 ? 16 : 0;
    const cookie = BigInt(index) << 32n | BigInt(Math.min(fn.position, 6) | vrPacket | indirect);
    return `${fn.address} ${cookie.toString(16)} ${fn.name.slice(0, 63)}\n`;
  });
  Deno.writeTextFileSync(LIST, lines.join(""));
}

/** Makes the roots of the peers ready: system folders, and a shell for what they run themselves. */
export async function prepareRoots(): Promise<void> {
  for (const root of [TRIXIE, BOOKWORM]) {
    Deno.mkdirSync(root + WORK, { recursive: true });
    for (const folder of ["proc", "sys", "dev"]) {
      await must("mount", "--rbind", `/${folder}`, `${root}/${folder}`);
    }
    Deno.copyFileSync("/usr/bin/busybox", `${root}/usr/bin/busybox`);
    for (const applet of ["sh", "sleep"]) Deno.symlinkSync("busybox", `${root}/usr/bin/${applet}`);
    // The tracer's own child tells that the probes are live, and ends the trace with its own end.
    const script = `#!/bin/sh\necho $$ >${WORK}/child\n: >${READY}\nexec sleep 1000\n`;
    Deno.writeTextFileSync(`${root}${WORK}/live`, script);
    Deno.chmodSync(`${root}${WORK}/live`, 0o755);
  }
}

/** Which packages the peers are, as `NAME=VERSION`. */
export function peerVersions(): string[] {
  return [TRIXIE, BOOKWORM].flatMap((root) => readText(`${root}/versions`).trim().split("\n"));
}

/** vrft with some arguments; its trace goes to a file. */
export function vrft(name = "vrft", ...args: string[]): Contender {
  return {
    name,
    command: ["vrft", ...args, "--ready-file", READY, "-o", OUTPUT],
    ready: READY,
    files: [OUTPUT],
    count: async ({ stderr }) => {
      const lost = Number(/([\d,]+) events? lost/.exec(stderr)?.[1]?.replaceAll(",", "") ?? NaN);
      if (Number.isNaN(lost)) throw new Broken(`no summary: ${stderr.slice(-200)}`);
      return { kept: await vrftEvents(OUTPUT), lost };
    },
  };
}

/** Rows of events: all but the header and the braces of calls that vrft closed by itself. */
async function vrftEvents(path: string): Promise<number> {
  const lines = Number(await must("sh", "-c", 'wc -l <"$1"', "sh", path));
  return lines - 1 - await countLines(path, "-F", "}  /* ");
}

/** Lines with a pattern of grep's; not read into this process, for there are many. */
async function countLines(path: string, kind: "-E" | "-F", pattern: string): Promise<number> {
  // grep's own status says only whether there were any.
  const script = 'grep -c "$1" -e "$2" "$3" || :';
  return Number(await must("sh", "-c", script, "sh", kind, pattern, path));
}

/** pwru of Debian trixie. */
export function pwru(name: string, ...args: string[]): Contender {
  return {
    name,
    command: ["chroot", TRIXIE, "pwru", ...pwruFiles(), ...args],
    ready: TRIXIE + READY,
    files: [TRIXIE + OUTPUT],
    // A line for each call, behind a header; it says nothing of those that it has lost.
    count: async () => ({ kept: await countLines(TRIXIE + OUTPUT, "-E", "^0x"), lost: null }),
  };
}

function pwruFiles(): string[] {
  return ["--ready-file", READY, "--output-file", OUTPUT];
}

/** bpftrace of Debian trixie, with a line for each call of a function whose name has skb in it. */
export function bpftrace(): Contender {
  const program = 'kprobe:*skb* { printf("%s\\n", func); }';
  return {
    name: "bpftrace",
    command: [
      "chroot",
      TRIXIE,
      "bpftrace",
      "-o",
      OUTPUT,
      "-c",
      `/bin/sh ${WORK}/live`,
      "-e",
      program,
    ],
    ready: TRIXIE + READY,
    files: [TRIXIE + OUTPUT, `${TRIXIE}${WORK}/child`],
    count: async () => {
      const path = TRIXIE + OUTPUT;
      const said = await must("sh", "-c", 'grep -o "^Lost [0-9]* events" "$1" || :', "sh", path);
      const losses = [...said.matchAll(/\d+/g)].map(Number);
      const lost = losses.reduce((sum, count) => sum + count, 0);
      return { kept: await countLines(path, "-E", "^[a-z_0-9.]*skb[a-z_0-9.]*$"), lost };
    },
  };
}

const TRACING = "/sys/kernel/tracing";

/**
 * function_graph of ftrace, recorded by trace-cmd of Debian bookworm.
 *
 * @param functions what is traced. They are written to set_ftrace_filter by their numbers in
 * available_filter_functions, which the kernel finds at once: trace-cmd takes names, 20 ms each when
 * emulated. What trace-cmd finds there it leaves alone until its end.
 */
export function functionGraph(functions: readonly PacketFunction[]): Contender {
  const wanted = new Set(functions.map(({ name }) => name));
  const data = `${WORK}/trace.dat`;
  const child = `${BOOKWORM}${WORK}/child`;
  const options = ["-p", "function_graph", "-o", data, "--compression", "none"];
  return {
    name: "function_graph",
    command: ["chroot", BOOKWORM, "trace-cmd", "record", ...options, `${WORK}/live`],
    ready: BOOKWORM + READY,
    files: [BOOKWORM + data, child],
    prepare: () => {
      const listed = readText(`${TRACING}/available_filter_functions`).split("\n");
      const numbers = listed.flatMap((line, index) =>
        wanted.has(line.split(" ", 1)[0]!) ? [`${index + 1}\n`] : []
      );
      Deno.writeTextFileSync(`${TRACING}/set_ftrace_filter`, numbers.join(""));
      const set = readText(`${TRACING}/set_ftrace_filter`).trim().split("\n").length;
      if (set < functions.length) {
        throw new Broken(`set_ftrace_filter took ${set} of ${functions.length} functions`);
      }
    },
    interrupt: () => Number(readText(child)),
    countLive: () => {
      Deno.writeTextFileSync(`${TRACING}/tracing_on`, "0");
      let [kept, lost] = [0, 0];
      for (const { name } of Deno.readDirSync(`${TRACING}/per_cpu`)) {
        const stats = readText(`${TRACING}/per_cpu/${name}/stats`);
        const number = (what: string): number =>
          Number(new RegExp(`^${what}: (\\d+)$`, "m").exec(stats)?.[1] ?? NaN);
        // What is in the buffer now still gets into the file.
        kept += number("entries") + number("read events");
        lost += number("overrun") + number("dropped events");
      }
      if (Number.isNaN(kept + lost)) throw new Broken("per_cpu/*/stats has another form");
      return { kept, lost };
    },
  };
}

/** Our own peer, on the functions of {@linkcode listFunctions}. */
export function peer(mode: "empty" | "reject" | "record" | "perf-kprobes"): Contender {
  const output = mode === "record" ? [OUTPUT] : [];
  const contender = {
    name: `peer-${mode}`,
    command: [...PEER, mode, LIST, READY, ...output],
    ready: READY,
    files: output,
  };
  if (mode !== "record") return contender;
  return {
    ...contender,
    count: ({ stdout }) => {
      const { recorded, lost, rows } = peerReport(stdout);
      if (rows === undefined || rows !== recorded) throw new Broken(`it printed ${stdout}`);
      return Promise.resolve({ kept: rows, lost: lost! });
    },
  };
}

/** What our own peer says at its end; times in milliseconds. */
export function peerReport(stdout: string): {
  readonly functions: number;
  readonly attachMs: number;
  readonly detachMs: number;
  readonly recorded?: number;
  readonly lost?: number;
  readonly rows?: number;
} {
  return JSON.parse(stdout);
}

/** The command line, as a reader can repeat it. */
export function commandLine({ command }: Tracer): string {
  return command.map((word) => /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word}'`).join(" ");
}
