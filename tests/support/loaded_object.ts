/**
 * A loaded BPF object, for tests on machines that allow BPF.
 *
 * @module
 */

import { Counters } from "../../src/probe/counters.ts";
import { NESTING_UNITS } from "../../src/probe/layout.ts";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { BpfObject, type ObjectOptions, type ProgramChoice } from "../../src/probe/object.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { RingMapping } from "../../src/probe/ring_mapping.ts";
import { monotonicClock } from "../../src/sys/clock.ts";
import { RecordProgram } from "./bpf.ts";
import { builtObject } from "./built_object.ts";

/** Minimal options for {@linkcode BpfObject.load}. */
export const SMALL: ObjectOptions = {
  ringBytes: 4096,
  places: 0,
  interfaces: 1,
  vpIfOffset: 0,
  vifIdxOffset: 0,
  vifVrfOffset: 18,
  vpNhOffset: 8,
  nhIdOffset: 12,
  fmdDvrfOffset: 18,
  vrouterNetns: 0,
  onlyNetns: 0,
  sightNetns: 0,
  recorded: 1,
  kernelBtf: null,
};

/** The program of the test object that writes records on request. */
export const TEST_PROGRAM: readonly ProgramChoice[] = [{ name: "vrft_test_record" }];

/** The rings with their reader, and the program that writes to it. */
export class TestRing implements Disposable {
  readonly #resources: DisposableStack;
  readonly object: BpfObject;
  readonly program: RecordProgram;
  readonly reader: RingReader;
  readonly counters: Counters;
  readonly control: Int32Array;
  /** Records that find room on each CPU while nothing is read. */
  readonly room: number;

  private constructor(libbpf: Libbpf, ringBytes: number, resources: DisposableStack) {
    const options = { ...SMALL, ringBytes };
    this.object = resources.use(BpfObject.load(libbpf, builtObject(), TEST_PROGRAM, options));
    this.program = RecordProgram.of(this.object);
    const { memory } = resources.use(new RingMapping(this.object));
    this.reader = new RingReader(memory, monotonicClock());
    this.room = memory.layout.units - NESTING_UNITS;
    this.counters = new Counters(memory.rings);
    this.control = new Int32Array(this.object.control, 0, 2);
    this.#resources = resources.move();
  }

  /** @param ringBytes size of the rings together */
  static async open(ringBytes: number): Promise<TestRing> {
    using resources = new DisposableStack();
    return new TestRing(resources.use(await Libbpf.open()), ringBytes, resources);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
