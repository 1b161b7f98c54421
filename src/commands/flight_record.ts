/**
 * `vrft record --ring`: keeps the latest in memory, and writes it when something happens.
 *
 * @module
 */

import type { FlightChoice, RecordOptions } from "../cli/invocation.ts";
import type { Log } from "../output/log.ts";
import { summarizeFlights } from "../output/recording_summary.ts";
import type { Btf } from "../kernel/btf.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { ObjectReader } from "../probe/backend.ts";
import type { NamedFile } from "../recording/block_queue.ts";
import { FlightFolder } from "../recording/flight_folder.ts";
import { zlib } from "../recording/node_zlib.ts";
import { monotonicClock } from "../sys/clock.ts";
import { amount } from "../sys/amount.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import { type DropTrigger, dropTrigger } from "../trace/drop_triggers.ts";
import type { Drop } from "../trace/drop.ts";
import { reasonFilter } from "../trace/drop_words.ts";
import { DropMaker } from "../trace/drops.ts";
import type { Journey } from "../trace/journey.ts";
import { Triggers } from "../trace/triggers.ts";
import { NexthopCache, nexthopSource } from "../vrouter/nexthop_cache.ts";
import { dropSources } from "./drop_sources.ts";
import { FlightPrinter } from "./flight_output.ts";
import { record } from "./record.ts";
import { prepareRecording, sectionSources } from "./record_file.ts";
import type { OtlpExport } from "./otlp_export.ts";
import { openNew } from "./record_output.ts";
import { nexthopSections } from "./record_sections.ts";
import { namesOf } from "./vif_owners.ts";
import { followPackets, type PacketFollower } from "./packet_follower.ts";
import { liveJourneySources } from "./packet_setup.ts";
import { session, type Surroundings, type TraceSignals } from "./session.ts";
import type { PreparedTrace } from "./trace.ts";
import { attach } from "./trace_setup.ts";

/** Bytes of memory for the blocks of some time. */
const TIME_BYTES = 256 << 20;
const NS_PER_MS = 1e6;

/**
 * Keeps and writes until the user or a limit ends it.
 *
 * @param flight what to keep, and when to write
 * @param filter those of the options, compiled
 * @param version of vrft
 * @param readObject reads a BPF object of this program; called once it is clear that tracing can start
 * @returns exit status
 * @throws {Failure} if tracing is impossible
 */
export async function runFlightRecorder(
  options: RecordOptions,
  flight: FlightChoice,
  filter: PacketFilter | null,
  version: string,
  log: Log,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  const otlp = flight.otlp === null ? null : await import("./otlp_export.ts");
  const open = otlp?.prepareExport(flight.otlp!);
  // Not yet there when the triggers are made.
  let exported: OtlpExport | null = null;
  let printer: FlightPrinter | null = null;
  // Without a listener, Deno ends.
  const ask = (): void => {
    if (printer?.ask()) return;
    log.info("Nothing is recorded yet: SIGUSR1 is of no use before that");
  };
  Deno.addSignalListener("SIGUSR1", ask);
  using _signal = { [Symbol.dispose]: () => Deno.removeSignalListener("SIGUSR1", ask) };
  return await session(options, log, signals, async (around) => {
    const folder = folderOf(options.output!, flight);
    requireMemory(flight.ring.bytes ?? 0, Deno.systemMemoryInfo().total);
    const names = await namesOf(flight.agent, around);
    zlib();
    const ready = await prepareRecording({ ...options, output: null }, filter, readObject, around);
    const { kernel, vrouter, reasons, selection, targets, conditions } = ready;
    const maker = new DropMaker(dropSources({ kernel, vrouter }, selection.namespaces, around));
    const drop = (words: Uint32Array): ReturnType<DropMaker["drop"]> => maker.drop(words);
    const { drops, slowerNs } = flight;
    const triggers = new Triggers({
      functions: targets,
      drop: drops && told(dropTrigger({ ...drops, kernel, vrouter: reasons, drop }), (words) => {
        const found = exported === null ? null : drop(words);
        if (found !== null) exported!.drop(found);
      }),
      slower: slowerNs,
      conditional: conditions !== null,
    });
    const slow = otlp === null || slowerNs === null || vrouter === null
      ? null
      : slowPackets({ ...ready, vrouter }, flight, around, (one) => exported?.chosen(one));
    await attach(ready.tracer, targets.length, around);
    return { ...ready, folder, triggers, drop, names, slow };
  }, async (ready, around) => {
    const { tracer, folder, triggers, drop, names, slow } = ready;
    const { ring, beforeMs, afterMs, everyMs, loss } = flight;
    printer = new FlightPrinter({
      // They are read when a file is opened.
      ...sectionSources({ ...ready, options, version }, around, null),
      state: () => around.vifWatch === null ? [] : nexthopSections(log),
      counts(): Readonly<Record<string, number>> {
        const { missed, removed, sample } = tracer.counts();
        return { missed, removed, sample };
      },
      lost: () => tracer.events().lost,
      ringBytes: ring.bytes ?? TIME_BYTES,
      ringTime: ring.ms === null ? Infinity : ring.ms * NS_PER_MS,
      before: beforeMs * NS_PER_MS,
      after: afterMs * NS_PER_MS,
      every: everyMs * NS_PER_MS,
      folder,
      clock: monotonicClock(),
      triggers,
      loss,
      drop,
      packets: slow?.packets ?? null,
      log,
    });
    const running = printer;
    using sending = open?.({ ...otlp!.liveSources(version), functions: [], names, log }) ?? null;
    exported = sending;
    return await record({
      tracer,
      printer: running,
      options,
      signals,
      around,
      endsWithModule: true,
      turn(): void {
        running.turn();
        slow?.turn();
        sending?.turn();
      },
      flush: async () => await sending?.finish(signals.cut),
      summary: (overhead) =>
        summarizeFlights(
          { ...running.settle(), removed: folder.removed, evicted: triggers.evicted },
          tracer.counts(),
          overhead,
        ),
    });
  });
}

/**
 * Follows the packets, as `vrft packets` does, for those that are slow.
 *
 * @param send gets their ways, but for those of drops that are a trigger themselves
 * @returns the packets, and what is to be called often
 */
function slowPackets(
  { kernel, vrouter, reasons, selection, targets, conditions }: PreparedTrace & {
    readonly vrouter: Btf;
  },
  { drops, slowerNs }: FlightChoice,
  around: Surroundings,
  send: (journey: Journey) => void,
): { readonly packets: PacketFollower; readonly turn: () => void } {
  const nexthops = new NexthopCache(nexthopSource(() => around.vrouter?.isSame() ?? false));
  const isOne = reasonFilter(drops?.reasons ?? [], kernel, reasons);
  const isSent = (drop: Drop): boolean =>
    isOne(drop) || ((drops?.all ?? false) && drop.reason.class !== "housekeeping");
  const packets = followPackets({
    functions: targets,
    sources: {
      ...liveJourneySources({ kernel, vrouter }, selection, around),
      nexthop: (id) => nexthops.get(id),
    },
    conditional: conditions !== null,
    calls: false,
  }, (journey) => {
    const { duration, outcome } = journey;
    if (duration < slowerNs!) return;
    if (outcome.type !== "dropped" || !isSent(outcome.drop)) send(journey);
  });
  return { packets, turn: () => nexthops.turn() };
}

/** A trigger that tells of each drop that is one. @param tell gets the words of the drop's record */
function told(
  trigger: DropTrigger,
  tell: (words: Uint32Array) => void,
): DropTrigger {
  return (words, at, bytes) => {
    const isOne = trigger(words, at, bytes);
    if (isOne) tell(words.subarray(at, at + bytes / 4));
    return isOne;
  };
}

/**
 * Checks that a ring of so many bytes can be kept at all: it takes its memory piece by piece, and the end of
 * that would come only after hours.
 *
 * @param memory bytes that the machine has
 * @throws {Failure} `usage` if it is larger
 */
export function requireMemory(bytes: number, memory: number): void {
  if (bytes <= memory) return;
  const [asked, there] = [bytes, memory].map((one) => `${amount(Math.floor(one / 2 ** 20))} MiB`);
  throw new Failure(
    "usage",
    `Option '--ring' asks for ${asked}, and this machine has ${there} of memory: give less`,
  );
}

/** @throws {Failure} if it is no folder, or cannot be read */
function folderOf(path: string, { keep, maxDiskBytes }: FlightChoice): FlightFolder {
  if (!isFolder(path)) {
    throw new Failure(
      "output",
      `"${printable(path)}" is no folder: with --ring, each recording is a file of its own`,
    );
  }
  return new FlightFolder({
    path,
    keep,
    maxBytes: maxDiskBytes,
    // Packets are not for everybody.
    open: (name): NamedFile["file"] => openNew(name, 0o640),
  });
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (cause) {
    const name = `"${printable(path)}"`;
    const message = cause instanceof Deno.errors.NotFound
      ? `There is no folder ${name}: make it, or name another one`
      : `Cannot write recordings to ${name}: ${reasonOf(cause)}`;
    throw new Failure("output", message, { cause });
  }
}
