/**
 * In the guest: runs tracers, sees when they are live, floods, and ends them as Ctrl-C does.
 *
 * @module
 */

const decoder = new TextDecoder();

/** Seconds within which a tracer must be live, or gone after Ctrl-C. */
const PATIENCE_SECONDS = 300;

/** A measurement that did not come about. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** Runs a program that must succeed, and returns its stdout. */
export async function must(program: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, code, stdout, stderr } = await command.output();
  if (success) return decoder.decode(stdout);
  const words = decoder.decode(stderr).trim().split("\n").slice(-3).join(" / ");
  throw new Broken(`${program} ${args.join(" ")} ended with ${code}: ${words}`);
}

/** Reads a file of which the kernel does not know the size. */
export function readText(path: string): string {
  return Deno.readTextFileSync(path);
}

/** How to run a tracer. */
export interface Tracer {
  /** What its results are called. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** The file that it makes, or lets make, once its probes are live. */
  readonly ready: string;
  /** Files to be removed before it starts, and after it has ended. */
  readonly files: readonly string[];
  /** What has to be done each time before it starts. */
  readonly prepare?: () => void;
  /** The process to interrupt, where it is not the tracer itself. */
  readonly interrupt?: () => number;
}

/** What a tracer left behind. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from Ctrl-C until the process was gone. */
  readonly stopMs: number;
}

/** A tracer whose probes are live. */
export class Running implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #tracer: Tracer;
  readonly #output: Promise<[Deno.CommandStatus, string, string]>;
  /** Milliseconds from its start until its probes were live. */
  readonly startMs: number;

  private constructor(
    child: Deno.ChildProcess,
    tracer: Tracer,
    output: Promise<[Deno.CommandStatus, string, string]>,
    startMs: number,
  ) {
    this.#child = child;
    this.#tracer = tracer;
    this.#output = output;
    this.startMs = startMs;
  }

  /**
   * Starts a tracer and waits until its probes are live.
   *
   * @throws {Broken} when it ends before, or takes too long
   */
  static async start(tracer: Tracer): Promise<Running> {
    removeFiles(tracer);
    tracer.prepare?.();
    const directory = tracer.ready.replace(/\/[^/]*$/, "");
    Deno.mkdirSync(directory, { recursive: true });
    using watcher = Deno.watchFs(directory);
    const [program, ...args] = tracer.command;
    const start = performance.now();
    const child = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    let gone = false;
    const close = (): void => {
      if (!gone) watcher.close();
      gone = true;
    };
    const timer = setTimeout(close, PATIENCE_SECONDS * 1000);
    const ended = child.status.then(close);
    if (!exists(tracer.ready)) {
      for await (const _ of watcher) if (exists(tracer.ready)) break;
    }
    const startMs = performance.now() - start;
    clearTimeout(timer);
    if (exists(tracer.ready)) {
      gone = true; // The watcher closes with this block.
      return new Running(child, tracer, output, startMs);
    }
    kill(child, "SIGKILL");
    await ended;
    const [{ code }, , stderr] = await output;
    throw new Broken(`ended with ${code} before it was live: ${lastWords(stderr)}`);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Ends it as Ctrl-C does.
   *
   * @throws {Broken} when it does not end, or as a failure
   */
  async stop(): Promise<Ended> {
    const timer = setTimeout(() => kill(this.#child, "SIGKILL"), PATIENCE_SECONDS * 1000);
    const pid = this.#tracer.interrupt?.() ?? this.pid;
    const start = performance.now();
    Deno.kill(pid, "SIGINT");
    const { code, signal } = await this.#child.status;
    const stopMs = performance.now() - start;
    clearTimeout(timer);
    const [, stdout, stderr] = await this.#output;
    // An interrupted program may well say so with its status.
    if (signal === "SIGKILL" || (code !== 0 && code !== 130)) {
      throw new Broken(`ended with ${signal ?? code} after Ctrl-C: ${lastWords(stderr)}`);
    }
    return { stdout, stderr, stopMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    kill(this.#child, "SIGKILL");
    await this.#output;
    removeFiles(this.#tracer);
  }
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended.
  }
}

function removeFiles({ ready, files }: Tracer): void {
  for (const file of [ready, ...files]) {
    try {
      Deno.removeSync(file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function lastWords(text: string): string {
  return text.trim().split("\n").slice(-3).join(" / ").slice(-300) || "it said nothing";
}

/**
 * Sends echo requests from vm1 to vm2, each as soon as the one before is answered.
 *
 * @param count at least 2
 * @param tolerated how many may stay unanswered: ping does not wait long for the last reply when the
 * machine is busy, and some get lost where several floods meet in one queue
 * @returns microseconds for a round trip
 * @throws {Broken} when more are not answered
 */
export async function flood(
  count: number,
  tolerated = Math.ceil(count / 1000),
): Promise<number> {
  const args = ["netns", "exec", "vm1", "ping", "-q", "-f", "-c", `${count}`, "10.1.1.2"];
  const text = await must("ip", ...args);
  const [, received, ms] = /, (\d+) received,.* time (\d+)ms/.exec(text) ?? [];
  if (received === undefined || ms === undefined) throw new Broken(`ping said: ${text.trim()}`);
  if (Number(received) < count - tolerated) {
    throw new Broken(`${received} of ${count} pings were answered`);
  }
  return Number(ms) * 1000 / count;
}

/**
 * Gets everything out of the way but the packets that are sent on purpose: no IPv6, which speaks up by
 * itself, and neighbours that are known for good.
 */
export async function settle(): Promise<void> {
  const quiet = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";
  await must("sh", "-c", quiet);
  for (const vm of ["vm1", "vm2"]) await must("ip", "netns", "exec", vm, "sh", "-c", quiet);
  // The module learns both addresses.
  await must("ip", "netns", "exec", "vm1", "ping", "-q", "-c", "2", "-i", "0.2", "10.1.1.2");
  for (const [vm, other] of [["vm1", 2], ["vm2", 1]] as const) {
    const address = ["lladdr", `02:00:00:00:00:0${other}`, "dev", "eth0", "nud", "permanent"];
    await must("ip", "-n", vm, "neigh", "replace", `10.1.1.${other}`, ...address);
  }
  // The first ones are slow: programs are read, code is translated by the emulator, and vrft unpacks its
  // runtime.
  await flood(2000);
  await must("vrft", "--version");
}

/**
 * Resident memory of a process and its children without mapped BPF maps, the ring among them.
 *
 * @returns mebibytes, and how many of them are pages of files, which other processes may share
 */
export function residentMemory(pid: number): { total: number; files: number } {
  let total = 0;
  let files = 0;
  for (const process of [pid, ...children(pid)]) {
    let path = "";
    for (const line of readText(`/proc/${process}/smaps`).split("\n")) {
      const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/.exec(line);
      if (mapping) path = mapping[1]!;
      const kilobytes = Number(/^Rss: +(\d+) kB$/.exec(line)?.[1] ?? 0);
      if (path === "anon_inode:bpf-map" || path.startsWith("anon_inode:[perf_event]")) continue;
      total += kilobytes;
      if (path.startsWith("/")) files += kilobytes;
    }
  }
  return { total: total / 1024, files: files / 1024 };
}

function children(pid: number): number[] {
  const direct = readText(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(
    Number,
  );
  return direct.flatMap((child) => [child, ...children(child)]);
}

/** Calls of BPF programs since they were loaded; counted only while `kernel.bpf_stats_enabled` is 1. */
export async function programRuns(): Promise<number> {
  const programs = JSON.parse(await must("bpftool", "-j", "prog", "show")) as {
    run_cnt?: number;
  }[];
  return programs.reduce((sum, { run_cnt }) => sum + (run_cnt ?? 0), 0);
}
