/**
 * A trace: loads the programs, attaches the probes, reads the records, and detaches.
 *
 * @module
 */

import type { DecisionOffsets } from "../kernel/decision_offsets.ts";
import type { DropOffsets } from "../kernel/drop_offsets.ts";
import type { SkippedFunction } from "../kernel/packet_function.ts";
import type { PacketOffsets } from "../kernel/packet_offsets.ts";
import type { PacketFilter } from "../packet/expression.ts";
import {
  type Choice,
  chooseBackend,
  loadPrograms,
  type ObjectSource,
  type User,
} from "../probe/backend_choice.ts";
import type { Attachment, AttachProgress, BackendName, Prober } from "../probe/backend.ts";
import type { LifeTarget } from "../probe/packet_life.ts";
import type { Conditions } from "../packet/conditions.ts";
import { Counters, type Counts, type PacketCounts } from "../probe/counters.ts";
import {
  type ChosenInterface,
  fitsFilter,
  interfaceRoom,
  onlyNetns,
  setFilter,
  sharedDevices,
  sightNetns,
} from "../probe/filter.ts";
import { Doorbell } from "../probe/doorbell.ts";
import { CONTROL_ENABLED, CONTROL_READER_WAITS } from "../probe/layout.ts";
import { Libbpf } from "../probe/libbpf.ts";
import type { BpfObject } from "../probe/object.ts";
import { RingReader, STALL_NS } from "../probe/ring.ts";
import { RingMapping } from "../probe/ring_mapping.ts";
import { amount } from "../sys/amount.ts";
import { monotonicClock } from "../sys/clock.ts";
import type { Connection } from "../sys/connections.ts";
import { disposedError } from "../sys/disposed.ts";
import { Failure } from "../sys/failure.ts";
import { Poller } from "../sys/poller.ts";
import type { EventSink } from "./events.ts";

/** What to trace and how. */
export interface TracerOptions extends PacketOffsets, ObjectSource {
  /**
   * Functions to attach to, from `withLife()`; at least one. A function's index is its number in
   * records.
   */
  readonly targets: readonly LifeTarget[];
  /** Interfaces whose packets are traced. */
  readonly interfaces: readonly ChosenInterface[];
  /** N to keep one packet in N, below 2^32. 1 keeps all. */
  readonly sample: number;
  /**
   * What packets have to meet at some call; `null`, the default, for nothing. All packets are recorded,
   * with their begin, copies and end, and a record when one has met all.
   */
  readonly conditions?: Conditions | null;
  /** Whether the begin, the copies and the end of packets are recorded; `false` by default. */
  readonly packetEvents?: boolean;
  /** Packets to trace; `null`, the default, for all. */
  readonly filter?: PacketFilter | null;
  /** One of the backends, or another way of attaching, which is not tried out first. */
  readonly backend: BackendName | "auto" | Prober;
  /** Whether calls of vrouter that drop a packet say why; `false` by default. */
  readonly drops?: boolean;
  /** Whether entries are recorded with the vif and the nexthop of vrouter's calls; `false` by default. */
  readonly showPlaces?: boolean;
  /** Whether returns are recorded with the results of calls; `false` by default. */
  readonly showResults?: boolean;
  /** Where vrouter's structs have what explains a drop; none by default. */
  readonly dropOffsets?: DropOffsets | null;
  /** Where vrouter's structs have what decisions are about; none by default. */
  readonly decisionOffsets?: DecisionOffsets | null;
  /** Bytes of the ring buffers of all CPUs together. */
  readonly ringBytes: number;
  /** Inode number of the network namespace of the vifs' devices; 0 without vrouter. */
  readonly vrouterNetns: number;
  /** Connections that carry the output of the trace; their packets are ignored. */
  readonly own: readonly Connection[];
  /** File with the kernel's BTF; `null` lets libbpf find it. */
  readonly kernelBtf: string | null;
  /** Receives messages, and can cancel. */
  readonly user: User;
}

/** Those that a trace of any command has. */
export type CommonTracerOptions = Pick<
  TracerOptions,
  | "interfaces"
  | "filter"
  | "conditions"
  | "own"
  | "ringBytes"
  | "vrouterNetns"
  | "kernelBtf"
  | "user"
>;

/** A further file descriptor to poll while records are read. */
export interface Watched {
  /** Becomes readable when there is something to do. */
  readonly fd: number;
  /** Handles it, and must consume all input. If it throws, the trace ends. */
  readonly ready: () => void;
}

/** Runs alongside the recording, and is disposed when that ends. */
export interface Recording extends Disposable {
  /** Called at least every tenth of a second. */
  turn(): void;
}

/** Receives the records of a trace. */
export interface Consumer extends EventSink {
  /** True once it wants no further calls, only the returns of calls already received. */
  readonly full: boolean;
  /** True once it wants no further records. */
  readonly done: boolean;
  /** Its output, if that may be slower than the records. */
  readonly output?: SlowOutput;
}

/** Output of a consumer that may be slow. Detaching never waits for it. */
export interface SlowOutput {
  /** True while it wants no records. They stay in the ring; once that is full, records are lost. */
  readonly blocked: boolean;
  /** True while something remains to be written. */
  readonly pending: boolean;
  /** Resolves after the next write, successful or not. */
  progress(): Promise<void>;
  /** No more records will follow. */
  finish(): void;
  /** Called once if, after detaching, the end of the trace waits for the output. */
  waiting(): void;
}

/** Counts for the summary. */
export interface TraceCounts extends Counts {
  /** Probe hits that did not run a program. */
  readonly missed: number;
  /** Probes that another program has removed. */
  readonly removed: number;
  /** Records left in the ring because reading was cut short. */
  readonly unread: number;
  readonly packets: PacketCounts;
  /** N of "one packet in N". */
  readonly sample: number;
}

/** Ring bytes processed between turns of Deno's event loop (signals, timers). */
const BATCH_BYTES = 1 << 20;
/** Milliseconds between polls of the ring while it has records, without wake-ups. */
const PAUSE_MS = 10;
/** Maximum milliseconds to sleep, in case a wake-up is missed. */
const SLEEP_MS = 100;
/** Milliseconds between checks for removed probes, which take 2 ms for all of them. */
const LOOK_MS = 5000;
/** Milliseconds for open calls to return after the row limit is reached. */
const LIMIT_GRACE_MS = 1000;
/** Milliseconds to wait for the output before informing the user. */
const PATIENCE_MS = 1000;

/**
 * One trace. Disposing it removes everything from the kernel, in any state. After that, all other methods
 * except {@linkcode Tracer.detach} throw a ReferenceError.
 */
export class Tracer implements Disposable {
  readonly #resources: DisposableStack;
  readonly #options: TracerOptions;
  readonly #backend: Prober;
  readonly #object: BpfObject;
  /** Made when the backend was chosen, until it is among the others. */
  #first: Attachment | null;
  #attachMs: number;
  readonly #ring: RingReader;
  readonly #doorbell: Doorbell;
  readonly #poller: Poller;
  readonly #counters: Counters;
  readonly #control: Int32Array;
  /** Of the backend, and of what is beside it. */
  #attachments: Attachment[] = [];
  #missed = 0;
  #lost = 0;
  #removed = 0;
  #unread = 0;
  #nextLook = 0;
  /** Whether a {@linkcode SlowOutput.progress} is pending, which wakes the poller when it resolves. */
  #outputAsked = false;
  readonly #wake = (): void => {
    // Discarded output may make progress after dispose.
    if (!this.#resources.disposed) this.#poller.wake();
  };

  /** @param resources contains libbpf and the object; the trace takes ownership */
  private constructor(
    options: TracerOptions,
    resources: DisposableStack,
    { backend, object, attachment, attachMs }: Choice,
  ) {
    this.#options = options;
    this.#backend = backend;
    this.#object = object;
    this.#first = attachment;
    this.#attachMs = attachMs;
    setFilter(object, options.interfaces);
    const { memory } = resources.use(new RingMapping(object));
    this.#ring = new RingReader(memory, monotonicClock());
    this.#doorbell = resources.use(new Doorbell(object.mapFd("doorbell")));
    this.#poller = resources.use(new Poller(this.#doorbell.fd));
    this.#counters = new Counters(memory.rings);
    this.#control = new Int32Array(object.control, 0, 2);
    // Last, because until here the caller disposes of it.
    this.#resources = resources.move();
  }

  /**
   * Loads the programs of the best backend and maps the ring. What is attached for that records nothing yet.
   *
   * @throws {Failure} if no backend works
   * @throws {AttachCancelled} if the user interrupts; nothing is left in the kernel then
   */
  static async load(options: TracerOptions): Promise<Tracer> {
    using resources = new DisposableStack();
    const libbpf = resources.use(await Libbpf.open());
    options.user.debug(`libbpf ${libbpf.version()}`);
    const settings = {
      ringBytes: options.ringBytes,
      interfaces: interfaceRoom(options.interfaces),
      vpIfOffset: options.vpIfOffset,
      vifIdxOffset: options.vifIdxOffset,
      vifVrfOffset: options.vifVrfOffset,
      vpNhOffset: options.vpNhOffset,
      nhIdOffset: options.nhIdOffset,
      fmdDvrfOffset: options.fmdDvrfOffset,
      vrouterNetns: options.vrouterNetns,
      onlyNetns: onlyNetns(options.interfaces),
      sightNetns: sightNetns(options.interfaces, options.vrouterNetns),
      recorded: options.targets.filter(({ silent }) => !silent).length,
      shared: sharedDevices(options.interfaces),
      sample: options.sample,
      filter: options.filter ?? null,
      conditions: options.conditions ?? null,
      packetEvents: options.packetEvents || Boolean(options.conditions),
      own: options.own,
      kernelBtf: options.kernelBtf,
      drops: options.drops ?? false,
      showPlaces: options.showPlaces ?? false,
      showResults: options.showResults ?? false,
      dropOffsets: options.dropOffsets ?? null,
      decisionOffsets: options.decisionOffsets ?? null,
    };
    const choice = typeof options.backend === "object"
      ? await loadPrograms(libbpf, options, settings, options.backend)
      : await chooseBackend(
        libbpf,
        options,
        settings,
        options.targets,
        options.backend,
        options.user,
      );
    resources.use(choice.object);
    try {
      return new Tracer(options, resources, choice);
    } catch (error) {
      choice.attachment?.[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Attaches to every target. Nothing is recorded before {@linkcode run}.
   *
   * @returns functions refused by the kernel
   * @throws {AttachCancelled} if `progress` reports an interruption
   */
  async attach(progress: AttachProgress): Promise<readonly SkippedFunction[]> {
    this.#requireOpen();
    const { targets, companion } = this.#options;
    const start = performance.now();
    const attachment = this.#first ??
      await this.#backend.attach(this.#object, targets, progress, this.#options);
    this.#first = null;
    this.#attachments.push(attachment);
    if (companion) {
      const beside = await companion.attach(this.#object, this.#backend, targets, progress);
      this.#attachments.push(beside);
    }
    this.#attachMs += performance.now() - start;
    return this.#attachments.flatMap(({ refused }) => refused);
  }

  /** Milliseconds that attaching took, also when the backend was chosen. */
  get attachMs(): number {
    return this.#attachMs;
  }

  /**
   * Traces packets of these interfaces from now on. What is shared by several vifs must be what it was
   * at the start.
   *
   * @returns false if the programs cannot, or nothing is attached any more: the old ones stay then
   */
  follow(interfaces: readonly ChosenInterface[]): boolean {
    this.#requireOpen();
    if (this.#attachments.length === 0) return false;
    if (!fitsFilter(interfaces, onlyNetns(this.#options.interfaces))) return false;
    try {
      setFilter(this.#object, interfaces);
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#options.user.debug(error.message);
      return false;
    }
  }

  /**
   * Records until `signal` is aborted or the consumer is done, then detaches, and passes on the rest of
   * the ring. Detaching does not wait for the output.
   *
   * @param consumer receives the records; if it throws, the trace ends, detached
   * @param signal aborted to end the trace
   * @param cut aborted to discard the rest of the ring, which is counted, and of the output
   * @param live called when recording has started; its result runs until recording ends, and is
   * disposed before detaching
   * @param watched polled until recording ends
   */
  async run(
    consumer: Consumer,
    signal: AbortSignal,
    cut: AbortSignal,
    live: () => Recording,
    watched: readonly Watched[] = [],
  ): Promise<void> {
    this.#requireOpen();
    signal.addEventListener("abort", this.#wake);
    try {
      for (const { fd, ready } of watched) this.#poller.watch(fd, ready);
      this.#control[CONTROL_ENABLED / 4] = 1;
      using recording = live();
      await this.#read(consumer, signal, recording);
    } finally {
      signal.removeEventListener("abort", this.#wake);
      this.detach();
      this.#tellLoss(consumer);
    }
    cut.addEventListener("abort", this.#wake);
    try {
      await this.#readRest(consumer, cut);
    } finally {
      cut.removeEventListener("abort", this.#wake);
    }
  }

  async #read(consumer: Consumer, signal: AbortSignal, recording: Recording): Promise<void> {
    let deadline = Infinity;
    while (!signal.aborted && !consumer.done && performance.now() < deadline) {
      recording.turn();
      this.#lookAfterProbes();
      if (consumer.output?.blocked) {
        await this.#outputTakes(consumer.output);
        continue;
      }
      const read = this.#ring.drain(consumer, BATCH_BYTES);
      this.#tellLoss(consumer);
      if (consumer.full && deadline === Infinity) {
        this.#control[CONTROL_ENABLED / 4] = 0;
        deadline = performance.now() + LIMIT_GRACE_MS;
      }
      if (read >= BATCH_BYTES) {
        await this.#poller.wait(0);
        continue;
      }
      consumer.dry();
      if (read > 0) {
        // With many CPUs the rings are small: one may fill up within the pause.
        await this.#poller.wait(this.#ring.crowded ? 0 : PAUSE_MS);
        continue;
      }
      // Request a wake-up, check again, then sleep: see bpf/record.h.
      this.#doorbell.quiet();
      Atomics.store(this.#control, CONTROL_READER_WAITS / 4, 1);
      if (this.#ring.recordsPending === 0) await this.#poller.wait(SLEEP_MS);
      else await this.#poller.wait(1);
      Atomics.store(this.#control, CONTROL_READER_WAITS / 4, 0);
    }
  }

  /** Reads the count before the ring: records in the ring by then may precede the last loss. */
  #tellLoss(consumer: Consumer): void {
    const lost = this.#counters.lost();
    if (lost === this.#lost) return;
    this.#lost = lost;
    consumer.lost(this.#ring.recordsPending);
  }

  /** Checks from time to time whether another program has removed probes, and reports it. */
  #lookAfterProbes(): void {
    const time = performance.now();
    if (time < this.#nextLook) return;
    this.#nextLook = time + LOOK_MS;
    this.#countRemoved();
  }

  #countRemoved(): void {
    const removed = sum(this.#attachments, (attachment) => attachment.removed());
    if (removed <= this.#removed) return;
    this.#removed = removed;
    this.#options.user.info(
      `Another program has removed ${amount(removed)} probes: calls of their functions are missing`,
    );
  }

  /** Reads the rest of the rings after detaching: all programs have finished, so nothing is written. */
  async #readRest(consumer: Consumer, cut: AbortSignal): Promise<void> {
    const { output } = consumer;
    const patience = new Patience();
    let deadline = Infinity;
    while (!consumer.done && !cut.aborted) {
      if (output?.blocked) {
        await this.#outputTakes(output, patience);
      } else {
        if (this.#ring.drain(consumer, BATCH_BYTES) > 0) {
          await this.#poller.wait(0);
          continue;
        }
        // None can be half written any more; if one is, it holds up the others only so long.
        deadline = Math.min(deadline, performance.now() + 2 * STALL_NS / 1e6);
        if (this.#ring.recordsPending === 0 || performance.now() > deadline) break;
        await this.#poller.wait(1);
      }
    }
    // If the consumer is done, it does not miss the rest.
    if (!consumer.done) {
      this.#ring.drain({ record: () => void this.#unread++ }, Infinity);
      this.#unread += this.#ring.recordsPending;
    }
    const { stalls } = this.#ring;
    if (stalls > 0) {
      this.#options.user.debug(
        `${amount(stalls)} times a record stayed half written for long: events may be out of order`,
      );
    }
    output?.finish();
    while (output?.pending && !cut.aborted) await this.#outputTakes(output, patience);
    consumer.dry();
  }

  /** Waits for progress of the output, for at most a tenth of a second. */
  async #outputTakes(output: SlowOutput, patience?: Patience): Promise<void> {
    if (!this.#outputAsked) {
      this.#outputAsked = true;
      void output.progress().then(() => {
        this.#outputAsked = false;
        this.#wake();
      });
    }
    await this.#poller.wait(SLEEP_MS);
    patience?.look(output);
  }

  /** Stops recording and detaches all probes. Idempotent. */
  detach(): void {
    this.#control[CONTROL_ENABLED / 4] = 0;
    this.#first?.[Symbol.dispose]();
    this.#first = null;
    if (this.#attachments.length === 0) return;
    const start = performance.now();
    try {
      this.#countRemoved();
      this.#missed = sum(this.#attachments, (attachment) => attachment.missed());
    } finally {
      const attachments = this.#attachments;
      this.#attachments = [];
      for (const attachment of attachments.toReversed()) attachment[Symbol.dispose]();
    }
    this.#options.user.debug(`Detached in ${Math.round(performance.now() - start)} ms`);
  }

  /** File descriptors of the BPF programs, open as long as they are attached. */
  get programs(): readonly number[] {
    this.#requireOpen();
    const [attached, ...beside] = this.#attachments.map(({ programs }) => programs);
    const programs = attached ??
      this.#backend.programs.map(({ name }) => this.#object.programFd(name));
    return [...programs, ...beside.flatMap((others) => others ?? [])];
  }

  /** The programs' current counts. Needs no system call. */
  events(): Counts {
    this.#requireOpen();
    return this.#counters.read();
  }

  /** All counts; final after {@linkcode run}. */
  counts(): TraceCounts {
    this.#requireOpen();
    const missed = this.#attachments.length === 0
      ? this.#missed
      : sum(this.#attachments, (attachment) => attachment.missed());
    return {
      ...this.#counters.read(),
      missed,
      removed: this.#removed,
      unread: this.#unread,
      packets: this.#counters.readPackets(),
      sample: this.#options.sample,
    };
  }

  #requireOpen(): void {
    if (this.#resources.disposed) throw disposedError("The tracer");
  }

  [Symbol.dispose](): void {
    if (this.#resources.disposed) return;
    this.detach();
    this.#resources.dispose();
  }
}

/** Informs the user once if waiting for the output takes long. */
class Patience {
  readonly #end = performance.now() + PATIENCE_MS;
  #told = false;

  look(output: SlowOutput): void {
    if (this.#told || !output.pending || performance.now() < this.#end) return;
    this.#told = true;
    output.waiting();
  }
}

function sum<T>(list: readonly T[], count: (item: T) => number): number {
  return list.reduce((total, item) => total + count(item), 0);
}
