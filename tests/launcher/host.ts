/**
 * A host of its own for the launcher: a mount namespace, in which the directories that it may write to
 * are new file systems in memory.
 *
 * @module
 */

import assert from "node:assert/strict";
import { executable, whole } from "./launched_file.ts";
import { testUnless, whyNotRoot } from "../support/skip.ts";

/** User and group of a process that is not root's, nobody's and nogroup's on Debian. */
export const USER = 65534;

/** Root's first cache. */
export const ROOT_CACHE = "/var/cache/vrft";

/** {@linkcode Told.executable} of what was started from memory. */
export const MEMORY = "/memfd:vrft (deleted)";

/** Mount options of tmpfs, by directory; `null` mounts nothing there. */
export type Mounts = Readonly<Record<string, string | null>>;

const USUAL_MOUNTS: Mounts = {
  "/dev/shm": "mode=1777",
  "/srv": "mode=755",
  "/run": "mode=755",
  "/tmp": "mode=1777",
  "/var/cache": "mode=755",
};

/** How the launcher is started. */
export interface Start {
  /** The file that the launcher is part of. */
  readonly file?: string;
  readonly args?: readonly string[];
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: root. */
  readonly user?: number;
  readonly cwd?: string;
  /** A program with its arguments that starts the launcher. */
  readonly by?: readonly string[];
}

/** What program.js tells. */
export interface Told {
  readonly arguments: string[];
  /** Where the program may keep something. */
  readonly cache: { readonly folder: string; readonly program: string } | null;
  readonly commandLine: string[];
  /** The current one. */
  readonly directory: string;
  readonly environment: Record<string, string>;
  /** Path of what runs. */
  readonly executable: string;
  /** Texts of the files in the program, by name. */
  readonly files: Record<string, string>;
  /** Shared objects that are mapped. */
  readonly libraries: string[];
  /** Of the process, as ps shows it. */
  readonly name: string;
}

/** How a start ended. */
export interface Result {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Lines that a process prints; it ends on dispose. */
class Watch implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";

  constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#reader = process.stdout.getReader();
  }

  /** Waits for the next line. */
  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#reader.read();
      assert.ok(!done, "The watcher ended");
      this.#text += new TextDecoder().decode(value);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#reader.cancel();
    await this.#process.status;
  }
}

/** A mount namespace; gone on dispose. */
export class Host implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;

  private constructor(holder: Deno.ChildProcess) {
    this.#holder = holder;
  }

  /**
   * @param mounts instead of or beside the usual ones
   * @throws when the kernel does not allow it
   */
  static async create(mounts: Mounts = {}): Promise<Host> {
    const commands = Object.entries({ ...USUAL_MOUNTS, ...mounts })
      .filter(([, options]) => options !== null)
      .map(([directory, options]) => `mount -t tmpfs -o ${options} vrft-test ${directory}`);
    const script = ["set -e", ...commands, "echo ready", "read -r end || true"].join("\n");
    const holder = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", "sh", "-c", script],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const host = new Host(holder);
    const { value = "" } = await holder.stdout.pipeThrough(new TextDecoderStream()).values().next();
    if (value !== "ready\n") {
      const stderr = await holder.stderr.text();
      await host[Symbol.asyncDispose]();
      throw new Error(`Cannot make a mount namespace: ${stderr.trim()}`);
    }
    return host;
  }

  /** Where a file of the host is for this process. */
  path(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  /** Names in a directory of the host, in order. */
  list(path: string): string[] {
    return Array.from(Deno.readDirSync(this.path(path)), ({ name }) => name).sort();
  }

  /** Makes a directory with these permissions. */
  mkdir(path: string, { mode = 0o700, user = 0 }: { mode?: number; user?: number } = {}): void {
    Deno.mkdirSync(this.path(path));
    Deno.chmodSync(this.path(path), mode);
    Deno.chownSync(this.path(path), user, user);
  }

  /** Names of the files that are made in a directory from now on. */
  async watch(path: string): Promise<Watch> {
    // The checkout may lie below a directory that is another one there.
    const script = executable("watch.ts", Deno.readFileSync(new URL("watch.ts", import.meta.url)));
    const watcher = new Deno.Command("nsenter", {
      args: [this.#namespace(), Deno.execPath(), "run", "-A", "--no-config", script, path],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const watch = new Watch(watcher);
    assert.equal(await watch.next(), "ready");
    return watch;
  }

  #namespace(): string {
    return `--mount=/proc/${this.#holder.pid}/ns/mnt`;
  }

  /** Starts the launcher; the process is the launcher's own. */
  start(
    { file, args = [], env = {}, user = 0, cwd = "/", by = [] }: Start = {},
  ): Deno.ChildProcess {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return new Deno.Command("nsenter", {
      args: [
        this.#namespace(),
        "setpriv",
        ...["--reuid", `${user}`, "--regid", `${user}`, "--clear-groups"],
        // The last one: what it sets is for the launcher alone.
        ...["env", "--ignore-environment", `--chdir=${cwd}`, "PATH=/usr/bin:/bin", ...variables],
        ...[...by, file ?? whole(), ...args],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Starts the launcher and waits for the end. */
  async run(start: Start = {}): Promise<Result> {
    const { code, signal, stdout, stderr } = await this.start(start).output();
    const decoder = new TextDecoder();
    return { code, signal, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Starts program.js, which has to say these lines on stderr and to end well, and returns what it tells. */
  async tell(start: Start = {}, stderr = ""): Promise<Told> {
    const result = await this.run(start);
    assert.equal(result.stderr, stderr);
    assert.equal(result.code, 0);
    return JSON.parse(result.stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#holder.stdout.locked) await this.#holder.stdout.cancel();
    await this.#holder.stdin.close().catch(() => {});
    if (!this.#holder.stderr.locked) await this.#holder.stderr.cancel();
    await this.#holder.status;
  }
}

/** Why hosts cannot be made here; empty where they can. */
async function whyNoHosts(): Promise<string> {
  if (whyNotRoot() !== "") return whyNotRoot();
  try {
    await using _host = await Host.create();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : `${error}`;
  }
}

const reason = await whyNoHosts();

/** Defines a test that makes hosts, or says in its name why it is skipped. */
export function hostTest(name: string, fn: () => Promise<void>): void {
  testUnless(reason, name, fn);
}
