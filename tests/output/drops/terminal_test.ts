// deno-lint-ignore-file no-control-regex -- escape sequences are what this is about

import assert from "node:assert/strict";
import { Terminal } from "../../support/terminal.ts";

const PROGRAM = new URL("terminal_program.ts", import.meta.url).pathname;
const ENTER = "\x1b[?1049h";
const LEAVE = "\x1b[?1049l";
const ENDED = 3;

/** A table on a terminal, and what the terminal was before. */
interface Running {
  readonly terminal: Terminal;
  readonly child: Deno.ChildProcess;
  readonly modes: string;
}

/** Runs `test` once the table is shown, and ensures that the program is gone afterwards. */
async function withTable(
  test: (running: Running) => Promise<void>,
  ...args: string[]
): Promise<void> {
  using terminal = new Terminal(60);
  const { modes } = terminal;
  const deno = [Deno.execPath(), "run", "-A", "--no-check", "--no-lock", PROGRAM, ...args] as const;
  await using child = terminal.start("env", "NO_COLOR=1", ...deno);
  await terminal.until(() => terminal.text.includes("RATE/s"));
  await test({ terminal, child, modes });
}

/** The end of the program, read until then. */
async function endOf({ terminal, child }: Running): Promise<number> {
  let code: number | undefined;
  const ended = child.status.then((status) => code = status.code);
  await terminal.until(() => code !== undefined);
  return await ended;
}

/** The state of the program in /proc: T if it is stopped. */
function stateOf({ pid }: Deno.ChildProcess): string {
  return /\) (\S)/.exec(Deno.readTextFileSync(`/proc/${pid}/stat`))![1]!;
}

const ENDS: Readonly<Record<string, (running: Running) => void>> = {
  "q": ({ terminal }) => terminal.type("q"),
  "Ctrl-C": ({ terminal }) => terminal.type("\x03"),
  "SIGTERM": ({ child }) => child.kill("SIGTERM"),
};

for (const [name, end] of Object.entries(ENDS)) {
  Deno.test(`the terminal is as before once ${name} has ended the table, and messages follow`, async () => {
    await withTable(async (running) => {
      const { terminal, modes } = running;
      assert.notEqual(terminal.modes, modes);
      end(running);
      assert.equal(await endOf(running), ENDED);
      assert.equal(terminal.modes, modes);
      assert.match(terminal.text, /\x1b\[\?1049l[^\x1b]*A message\r\n[^\x1b]*Ended\r\n$/);
      assert.equal(terminal.text.split("A message\r\n").length, 2);
    });
  });
}

Deno.test("the terminal is as before if the program fails", async () => {
  await withTable(async (running) => {
    const { terminal, modes } = running;
    assert.equal(await endOf(running), 1);
    assert.equal(terminal.modes, modes);
    assert.match(terminal.text, /\x1b\[\?1049l[^]*made up/);
  }, "--fail");
});

Deno.test("Ctrl-Z gives the terminal back, and the table goes on with a new screen", async () => {
  await withTable(async (running) => {
    const { terminal, child, modes } = running;
    terminal.type("\x1a");
    await terminal.until(() => terminal.text.includes(LEAVE) && stateOf(child) === "T");
    assert.equal(terminal.modes, modes);
    const before = terminal.text.length;
    child.kill("SIGCONT");
    await terminal.until(() => terminal.text.indexOf("RATE/s", before) > 0);
    assert.match(terminal.text.slice(before), /^\x1b\[\?1049h/);
    assert.notEqual(terminal.modes, modes);
    terminal.type("q");
    assert.equal(await endOf(running), ENDED);
    assert.equal(terminal.modes, modes);
    assert.equal(terminal.text.split(ENTER).length, terminal.text.split(LEAVE).length);
  });
});

Deno.test("a resized terminal gets a table of its size, and keys change it", async () => {
  await withTable(async (running) => {
    const { terminal } = running;
    const before = terminal.text.length;
    terminal.resize(30, 6);
    await terminal.until(() =>
      /\x1b\[H(?:[^\n]*\n){5}[^\n]*\x1b\[J/.test(terminal.text.slice(before))
    );
    const frames = terminal.text.slice(before).split("\x1b[H");
    const last = frames.findLast((frame) => frame.endsWith("\x1b[J"))!;
    const lines = last.replaceAll(/\x1b\[[\d;]*[mKJ]/g, "").split(/\r+\n/);
    assert.equal(lines.length, 6);
    assert.deepEqual(lines.filter((line) => line.length >= 30), []);
    terminal.resize(100);
    terminal.type("?");
    await terminal.until(() => terminal.text.includes("freeze the table"));
    terminal.type("?gggq");
    assert.equal(await endOf(running), ENDED);
    // The device's name has an escape sequence.
    assert.ok(!terminal.text.includes("\x1b[5m"));
  });
});
