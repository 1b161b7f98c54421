/**
 * Tests that cannot run everywhere: they are skipped with a reason, never passed.
 *
 * @module
 */

/**
 * Defines a test, or skips it with the reason in its name, from which scripts/test reads it.
 *
 * @param reason why it cannot run here; empty if it can
 */
export function testUnless(reason: string, name: string, fn: () => void | Promise<void>): void {
  if (reason === "") Deno.test(name, fn);
  else {Deno.test({
      name: `${name} (skipped: ${reason.replaceAll(/\s+/g, " ")})`,
      ignore: true,
      fn,
    });}
}

/** Why a test that needs root cannot run; empty for root. */
export function whyNotRoot(): string {
  return Deno.uid() === 0 ? "" : "it takes root";
}

/** Why a program cannot be run; empty if it can. @param args for which it exits with 0 immediately */
export function whyNoProgram(program: string, args: readonly string[] = ["--version"]): string {
  try {
    const { success, stderr } = new Deno.Command(program, {
      args: [...args],
      stdout: "null",
    }).outputSync();
    return success ? "" : `${program}: ${new TextDecoder().decode(stderr).trim()}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `there is no ${program}`;
  }
}

/** Why a program cannot be started; empty if it can. Does not start it: without arguments it may not end. */
export function whyNotInstalled(program: string): string {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  return folders.some((folder) => isExecutable(`${folder}/${program}`))
    ? ""
    : `there is no ${program}`;
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}

/** Why a file cannot be read; empty if it can. */
export function whyNoFile(path: string): string {
  try {
    Deno.openSync(path).close();
    return "";
  } catch (error) {
    return `${path}: ${error instanceof Error ? error.name : error}`;
  }
}
