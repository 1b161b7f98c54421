/**
 * Tests that cannot run everywhere: they are skipped, never passed, and say why.
 *
 * @module
 */

/**
 * Defines a test, or skips it with the reason in its name, where scripts/test reads it.
 *
 * @param reason why it cannot run here; empty where it can
 */
export function testUnless(reason: string, name: string, fn: () => void | Promise<void>): void {
  if (reason === "") Deno.test(name, fn);
  else {Deno.test({
      name: `${name} (skipped: ${reason.replaceAll(/\s+/g, " ")})`,
      ignore: true,
      fn,
    });}
}

/** Why what root alone can do cannot be done; empty for root. */
export function whyNotRoot(): string {
  return Deno.uid() === 0 ? "" : "it takes root";
}

/** Why a program cannot be run; empty where it can. @param args that make it end well, at once */
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

/** Why a file cannot be read; empty where it can. */
export function whyNoFile(path: string): string {
  try {
    Deno.openSync(path).close();
    return "";
  } catch (error) {
    return `${path}: ${error instanceof Error ? error.name : error}`;
  }
}
