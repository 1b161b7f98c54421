/**
 * Runs the commands that packages are made and looked into with.
 *
 * @module
 */

import assert from "node:assert/strict";

/** Top of the checkout, without a slash at its end. */
export const CHECKOUT: string = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** How a command is run. */
export interface Surroundings {
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a command ended. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in the C locale, whose messages are English. */
export async function attempt(
  command: string,
  args: readonly string[],
  { cwd = CHECKOUT, env = {} }: Surroundings = {},
): Promise<Result> {
  const child = new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { LC_ALL: "C.UTF-8", NO_COLOR: "1", ...env },
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a command that has to succeed, and returns what it prints. */
export async function run(
  command: string,
  args: readonly string[],
  surroundings?: Surroundings,
): Promise<string> {
  const { code, stdout, stderr } = await attempt(command, args, surroundings);
  assert.equal(code, 0, `${command} ${args.join(" ")} ended with status ${code}: ${stderr}`);
  return stdout;
}

/** A folder that is gone on dispose. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @param under an existing folder to make it in; by default the system's */
  static async make(under?: string): Promise<TemporaryFolder> {
    const options = under === undefined ? {} : { dir: under };
    return new TemporaryFolder(await Deno.makeTempDir({ prefix: "vrft-package-", ...options }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
