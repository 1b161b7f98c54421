/**
 * What formats write of a trace, and the programs that read it.
 *
 * @module
 */

import { LineWriter } from "../../src/output/line_writer.ts";
import type { Format, Origin, TraceContext } from "../../src/output/view.ts";
import { UNKNOWN_ORIGIN } from "../../src/output/view.ts";
import type { View } from "../../src/trace/events.ts";
import { PacketTable } from "../../src/trace/packets.ts";
import { CallTree } from "../../src/trace/tree.ts";
import { MemoryFile } from "./recordings.ts";
import { feedStream, type Stream } from "./vrouter_stream.ts";

/** 2026-11-26 13:03:07.412345678 UTC, at 12 seconds of the other clock. */
export const WALL_OFFSET = 1_795_698_187_412_345_678n - 12_000_000_000n;

/** An origin that knows names. */
export const ORIGIN: Origin = {
  ...UNKNOWN_ORIGIN,
  host: "compute-7",
  kernel: "6.12.117+deb12-cloud-amd64",
  program: "vrft 0.1.0",
  wallOffset: WALL_OFFSET,
  task: (thread) => thread < 900 ? `ksoftirqd/${thread}` : null,
  device: (_netns, ifindex) => ifindex === 7 ? "tapdd789d34-27" : null,
  vif: (_netns, ifindex) => ifindex === 7 ? 3 : null,
};

/** What a format writes. @param feed gives the tree its records */
export async function writtenBy(
  format: Format,
  context: Omit<TraceContext, "packets">,
  feed: (tree: CallTree) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = new MemoryFile();
  const writer = new LineWriter(file, "memory");
  const packets = new PacketTable();
  const view = format.open(writer, { origin: ORIGIN, ...context, packets });
  view.begin();
  class Tree extends CallTree {
    override lost(ahead: number): void {
      super.lost(ahead);
      view.lost?.(ahead);
    }
  }
  const tree = new Tree(view, context.functions.length, {
    packets,
    durations: format.durations ?? false,
  });
  feed(tree);
  tree.finish();
  for await (const _ of view.end?.() ?? []) {
    writer.flush();
    while (writer.blocked) await writer.progress();
  }
  await writer.finish();
  return file.bytes;
}

/** What a format writes of a stream. */
export function exported(
  format: Format,
  stream: Stream,
  context: Partial<TraceContext> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { functions } = stream;
  return writtenBy(format, { ...context, functions }, (tree) => feedStream(stream, tree));
}

/** How often the methods of a view are called for a stream. */
export function counted(stream: Stream): Record<string, number> {
  const counts: Record<string, number> = {};
  const methods = ["enter", "leave", "abandon", "orphan", "packet", "copied", "dropped", "ended"];
  const view = Object.fromEntries(methods.map((name) => {
    counts[name] = 0;
    return [name, () => counts[name]!++];
  }));
  const tree = new CallTree(view as unknown as View, stream.functions.length);
  feedStream(stream, tree);
  tree.finish();
  return counts;
}

/** What a program prints, given a file. @param args the file's name for `FILE` */
export async function printedOf(
  bytes: Uint8Array,
  program: string,
  ...args: string[]
): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "vrft-test-" });
  try {
    await Deno.writeFile(path, bytes);
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: args.map((arg) => arg === "FILE" ? path : arg),
      env: { LC_ALL: "C.UTF-8", TZ: "UTC" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (code === 0) return text;
    throw new Error(`${program} exits with ${code}: ${new TextDecoder().decode(stderr)}`);
  } finally {
    await Deno.remove(path);
  }
}
