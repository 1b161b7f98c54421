import assert from "node:assert/strict";
import { DropTable } from "../../../src/output/drops/table.ts";
import { HeldMessages } from "../../../src/output/held_messages.ts";
import { drop, SECOND, WORDS } from "../../support/drops.ts";
import { MessageList } from "../../support/message_list.ts";

/** A terminal that keeps its frames. */
class Frames {
  size = { columns: 80, rows: 10 };
  busy = false;
  readonly frames: (readonly string[])[] = [];
  typed = "";

  draw(lines: readonly string[]): void {
    this.frames.push(lines);
  }

  read(): Uint8Array {
    const bytes = new TextEncoder().encode(this.typed);
    this.typed = "";
    return bytes;
  }
}

function table(screen: Frames, quit = (): void => {}): DropTable {
  return new DropTable({ screen, words: WORDS, colour: false, now: () => SECOND, quit });
}

Deno.test("frames come at most five times a second, whatever happens", () => {
  const screen = new Frames();
  const view = table(screen);
  view.begin();
  const start = performance.now();
  while (performance.now() - start < 500) {
    view.drop(drop());
    screen.typed = "s";
    view.typed();
    view.stale();
    view.turn();
  }
  assert.ok(screen.frames.length >= 2 && screen.frames.length <= 3, `${screen.frames.length}`);
});

Deno.test("a terminal that is slow gets no further frames, and one that is resized smaller ones", () => {
  const screen = new Frames();
  const view = table(screen);
  screen.busy = true;
  view.begin();
  assert.equal(screen.frames.length, 0);
  screen.busy = false;
  screen.size = { columns: 20, rows: 4 };
  view.stale();
  view.turn();
  assert.equal(screen.frames.length, 1);
  assert.equal(screen.frames[0]!.length, 4);
  assert.ok(screen.frames[0]!.every((line) => line.length < 20));
});

Deno.test("q asks for the end, and nothing is drawn after it", () => {
  const screen = new Frames();
  let quits = 0;
  const view = table(screen, () => quits++);
  screen.typed = "q";
  view.typed();
  view.finish();
  view.begin();
  assert.equal(quits, 1);
  assert.equal(screen.frames.length, 0);
});

Deno.test("messages are held while the screen is shown, a bounded number, and shown on it", () => {
  const list = new MessageList();
  const messages = new HeldMessages(list);
  messages.write("before\n");
  let shown = "";
  messages.hold((text) => shown = text);
  for (let index = 0; index < 300; index++) messages.write(`${index}\n`);
  assert.equal(list.text, "before\n");
  assert.equal(shown, "299\n");
  messages.release();
  assert.match(list.text, /^before\nvrft: 100 earlier messages left out\n100\n101\n/);
  messages.write("after\n");
  assert.match(list.text, /299\nafter\n$/);
});
