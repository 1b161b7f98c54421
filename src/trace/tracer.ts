/**
 * A trace from start to end: loads the programs, attaches the probes, reads the records, detaches.
 *
 * @module
 */

import type { SkippedFunction } from "../kernel/packet_function.ts";
import type { PacketOffsets } from "../kernel/packet_offsets.ts";
import { chooseBackend, type ObjectSource, type User } from "../probe/backend_choice.ts";
import type { Attachment, AttachProgress, Backend, BackendName } from "../probe/backend.ts";
import { spread, type Target } from "../probe/target.ts";
import { Counters, type Counts, type PacketCounts } from "../probe/counters.ts";
import { type ChosenInterface, onlyNetns, setFilter, sharedDevices } from "../probe/filter.ts";
import { CONTROL_ENABLED, CONTROL_READER_WAITS } from "../probe/layout.ts";
import { Libbpf } from "../probe/libbpf.ts";
import type { BpfObject } from "../probe/object.ts";
import { RingReader } from "../probe/ring.ts";
import { RingMapping } from "../probe/ring_mapping.ts";
import { amount } from "../sys/amount.ts";
import type { Connection } from "../sys/connections.ts";
import { disposedError } from "../sys/disposed.ts";
import { Poller } from "../sys/poller.ts";
import type { RecordSink } from "../probe/record.ts";
import { isSampled } from "../probe/sampling.ts";

/** What to trace and how. */
export interface TracerOptions extends PacketOffsets, ObjectSource {
  /** Functions to attach to; at least one. A function's index is its number in records. */
  readonly targets: readonly Target[];
  /** Interfaces whose packets are kept. */
  readonly interfaces: readonly ChosenInterface[];
  /** One packet in so many is kept, below 2^32; 1 keeps all, others want `sampledTargets()`. */
  readonly sample: number;
  readonly backend: BackendName | "auto";
  /** Bytes of the ring buffer: a power of two of pages. */
  readonly ringBytes: number;
  /** Inode number of the network namespace that the vifs' devices are in; 0 without vrouter. */
  readonly vrouterNetns: number;
  /** Connections whose packets are left out, as they carry what comes of the trace. */
  readonly own: readonly Connection[];
  /** File with the kernel's BTF; `null` lets libbpf find it. */
  readonly kernelBtf: string | null;
  /** Who waits for the trace. */
  readonly user: User;
}

/** Something else to look after while records are read. */
export interface Watched {
  /** Has input when there is something to do. */
  readonly fd: number;
  /** Does it, and takes all of that input. What it throws ends the trace. */
  readonly ready: () => void;
}

/** Something that goes along with the recording, and is disposed when it ends. */
export interface Recording extends Disposable {
  /** Called at least every tenth of a second. */
  turn(): void;
}

/** Takes the records of a trace. */
export interface Consumer extends RecordSink {
  /**
   * Records were lost since the last call, or since the trace began.
   *
   * @param ahead records to come that may be older than the loss, at most
   */
  lost(ahead: number): void;
  /** The ring is dry: what has been held back for the sake of speed should go out now. */
  dry(): void;
  /** True once no further calls are wanted; returns of calls already taken still are. */
  readonly full: boolean;
  /** True once nothing is wanted any more. */
  readonly done: boolean;
  /** Where it writes, if that can be slower than records come. */
  readonly output?: SlowOutput;
}

/** What takes its time to take what a consumer makes of records. Nothing that must not wait waits for it. */
export interface SlowOutput {
  /** True while no records should come. They stay in the ring, where those without room count as lost. */
  readonly blocked: boolean;
  /** True while it has not taken everything. */
  readonly pending: boolean;
  /** Resolves once it has taken more, or failed. */
  progress(): Promise<void>;
  /** No more records will come. */
  finish(): void;
  /** Called, once, when nothing is attached any more and the output keeps the trace from ending. */
  waiting(): void;
}

/** What happened, for the summary. */
export interface TraceCounts extends Counts {
  /** Probe hits that did not run a program. */
  readonly missed: number;
  /** Probes that another program has removed. */
  readonly removed: number;
  /** Records read from the ring and not handed on, because the reading was cut short. */
  readonly unread: number;
  /** The packets of a sampled trace; `null` where all are kept. */
  readonly sampling: Sampling | null;
}

/** What became of the packets of a sampled trace. */
export interface Sampling extends PacketCounts {
  /** N of "one packet in N". */
  readonly sample: number;
}

/** Ring bytes handled before Deno's event loop gets a turn (signals, timers). */
const BATCH_BYTES = 1 << 20;
/** Milliseconds between two looks at the ring while records keep coming without wake-ups. */
const PAUSE_MS = 10;
/** Milliseconds of sleep at most, should a wake-up be missed. */
const SLEEP_MS = 100;
/** Milliseconds between two looks at whether the probes are still there: 2 ms for all of them. */
const LOOK_MS = 5000;
/** Milliseconds given to calls that are still open once the row limit is reached. */
const LIMIT_GRACE_MS = 1000;
/** Milliseconds of waiting for the output alone, after which the user is told. */
const PATIENCE_MS = 1000;

/**
 * One trace. Disposing it leaves nothing in the kernel, however far it came. All else but
 * {@linkcode Tracer.detach} throws a ReferenceError then.
 */
export class Tracer implements Disposable {
  readonly #resources: DisposableStack;
  readonly #options: TracerOptions;
  readonly #backend: Backend;
  readonly #object: BpfObject;
  readonly #ring: RingReader;
  readonly #poller: Poller;
  readonly #counters: Counters;
  readonly #control: Int32Array;
  #attachment: Attachment | undefined;
  #missed = 0;
  #lost = 0;
  #removed = 0;
  #unread = 0;
  #nextLook = 0;
  /** The output is being waited for, and wakes this when it has taken more. */
  #outputAsked = false;
  readonly #wake = (): void => {
    // What an output that was given up takes in the end, matters no more.
    if (!this.#resources.disposed) this.#poller.wake();
  };

  /** @param resources holds libbpf and the object, and from now on all else; this trace's to dispose */
  private constructor(
    options: TracerOptions,
    resources: DisposableStack,
    backend: Backend,
    object: BpfObject,
    cpus: number,
  ) {
    this.#options = options;
    this.#backend = backend;
    this.#object = object;
    setFilter(object, options.interfaces);
    const ringFd = object.mapFd("events");
    this.#ring = new RingReader(resources.use(new RingMapping(ringFd, options.ringBytes)).memory);
    this.#poller = resources.use(new Poller(ringFd));
    this.#counters = resources.use(new Counters(object.mapFd("counters"), cpus));
    this.#control = new Int32Array(object.control, 0, 2);
    // Last: until here, whoever made the stack disposes it.
    this.#resources = resources.move();
  }

  /**
   * Loads the programs of the best backend and makes the ring ready. No probe is live yet.
   *
   * @throws {Failure} when no backend works
   * @throws {AttachCancelled} when the user wants out; nothing is left in the kernel then
   */
  static async load(options: TracerOptions): Promise<Tracer> {
    using resources = new DisposableStack();
    const libbpf = resources.use(await Libbpf.open());
    options.user.debug(`libbpf ${libbpf.version()}`);
    const { backend, object } = await chooseBackend(
      libbpf,
      options,
      {
        ringBytes: options.ringBytes,
        interfaces: options.interfaces.length,
        vpIfOffset: options.vpIfOffset,
        vifIdxOffset: options.vifIdxOffset,
        vrouterNetns: options.vrouterNetns,
        onlyNetns: onlyNetns(options.interfaces),
        shared: sharedDevices(options.interfaces),
        sample: options.sample,
        own: options.own,
        kernelBtf: options.kernelBtf,
      },
      options.targets.length,
      options.backend,
      // Three: should one be odd, the others are not.
      spread(options.targets, 3),
      options.user,
    );
    resources.use(object);
    const cpus = libbpf.c.libbpf_num_possible_cpus();
    return new Tracer(options, resources, backend, object, cpus);
  }

  /**
   * Attaches to every target. Nothing is recorded before {@linkcode run}.
   *
   * @returns functions the kernel refused
   * @throws {AttachCancelled} when `progress` says so
   */
  async attach(progress: AttachProgress): Promise<readonly SkippedFunction[]> {
    this.#requireOpen();
    const attachment = await this.#backend.attach(this.#object, this.#options.targets, progress);
    this.#attachment = attachment;
    return attachment.refused;
  }

  /**
   * Records and hands on until `signal` is aborted or the consumer is done, then detaches and hands on
   * what is left in the ring, as far as the output takes it: detaching never waits for that.
   *
   * @param consumer what it throws ends the trace, with everything detached
   * @param signal aborted to end the trace
   * @param cut aborted to give up what is left in the ring, which is counted, and in the output
   * @param live called once events are recorded; what it returns goes along until they no longer are,
   * and is disposed before anything is detached
   * @param watched looked after until the reading ends
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
        await this.#poller.wait(PAUSE_MS);
        continue;
      }
      // Say first that a wake-up is wanted, look once more, and only then sleep: see bpf/record.h.
      Atomics.store(this.#control, CONTROL_READER_WAITS / 4, 1);
      if (this.#ring.pending === 0) await this.#poller.wait(SLEEP_MS);
      else await this.#poller.wait(1);
      Atomics.store(this.#control, CONTROL_READER_WAITS / 4, 0);
    }
  }

  /** Losses are counted first: records in the ring at that time may precede the last loss. */
  #tellLoss(consumer: Consumer): void {
    const lost = this.#counters.lost();
    if (lost === this.#lost) return;
    this.#lost = lost;
    consumer.lost(this.#ring.recordsPending);
  }

  /** Makes known, every now and then, that another program has removed probes. */
  #lookAfterProbes(): void {
    const time = performance.now();
    if (time < this.#nextLook) return;
    this.#nextLook = time + LOOK_MS;
    this.#countRemoved();
  }

  #countRemoved(): void {
    const removed = this.#attachment?.removed() ?? 0;
    if (removed <= this.#removed) return;
    this.#removed = removed;
    this.#options.user.info(
      `Another program has removed ${amount(removed)} probes: calls of their functions are missing`,
    );
  }

  /** Reads on without probes: their programs have run to their end, so nothing is being written. */
  async #readRest(consumer: Consumer, cut: AbortSignal): Promise<void> {
    const { output } = consumer;
    const patience = new Patience();
    while (!consumer.done && !cut.aborted) {
      if (output?.blocked) {
        await this.#outputTakes(output, patience);
      } else {
        if (this.#ring.drain(consumer, BATCH_BYTES) === 0) break;
        await this.#poller.wait(0);
      }
    }
    // Behind the consumer's own end, nobody misses anything.
    if (!consumer.done) this.#ring.drain({ record: () => void this.#unread++ }, Infinity);
    output?.finish();
    while (output?.pending && !cut.aborted) await this.#outputTakes(output, patience);
    consumer.dry();
  }

  /** Waits until the output has taken more, for a tenth of a second at most. */
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

  /** Stops recording and detaches all probes. Harmless when that has been done. */
  detach(): void {
    this.#control[CONTROL_ENABLED / 4] = 0;
    const attachment = this.#attachment;
    if (attachment === undefined) return;
    const start = performance.now();
    try {
      this.#countRemoved();
      this.#missed = attachment.missed();
    } finally {
      this.#attachment = undefined;
      attachment[Symbol.dispose]();
    }
    this.#options.user.debug(`Detached in ${Math.round(performance.now() - start)} ms`);
  }

  /** File descriptors of the BPF programs, open until this is disposed. */
  get programs(): readonly number[] {
    this.#requireOpen();
    return this.#backend.programs.map(({ name }) => this.#object.programFd(name));
  }

  /** What the programs have counted so far. Costs no system call. */
  events(): Counts {
    this.#requireOpen();
    return this.#counters.read();
  }

  /** What has been recorded, lost and missed; complete after {@linkcode run}. */
  counts(): TraceCounts {
    this.#requireOpen();
    const missed = this.#attachment?.missed() ?? this.#missed;
    const { sample } = this.#options;
    const sampling = isSampled(sample) ? { sample, ...this.#counters.readPackets() } : null;
    return {
      ...this.#counters.read(),
      missed,
      removed: this.#removed,
      unread: this.#unread,
      sampling,
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

/** Has the user told when an output has been waited for too long. */
class Patience {
  readonly #end = performance.now() + PATIENCE_MS;
  #told = false;

  look(output: SlowOutput): void {
    if (this.#told || !output.pending || performance.now() < this.#end) return;
    this.#told = true;
    output.waiting();
  }
}
