/**
 * Simulates a machine whose tasks make calls: CPUs switch tasks and are interrupted; tasks migrate and
 * exit, and their thread ids and stacks are reused. Emits the records of a lossless tracer, and the steps
 * expected from them.
 *
 * @module
 */

import type { CallRecord } from "./call_records.ts";
import type { Random } from "./random.ts";

const STACK_BYTES = 0x4000;
/** Number of task stacks, which are reused. */
const TASK_STACKS = 24;
const THREAD_IDS = 16;
const TASKS = 8;
const MAX_INTERRUPTS = 3;
const FUNCTIONS = 12;
const WAYS_IN = 2;

interface LiveCall {
  readonly frame: number;
  readonly fn: number;
  /** It has made a tail call, and only has to return. */
  tail: boolean;
}

interface Task {
  readonly id: number;
  /** Lowest address of its stack. */
  readonly stack: number;
  /** All live calls, those of interrupts on top. */
  readonly calls: LiveCall[];
}

interface Interrupt {
  /** Live calls of the task when the interrupt arrived. */
  readonly calls: number;
  /** Lowest address of the stack it runs on. */
  readonly stack: number;
}

interface Cpu {
  readonly idle: Task;
  /** Lowest address of its interrupt stack. */
  readonly stack: number;
  task: Task;
  readonly interrupts: Interrupt[];
}

/** The expected result of a record. */
export interface Expected {
  readonly kind: "enter" | "leave";
  readonly depth: number;
}

/** Runs at random, reproducibly for the same random numbers. */
export class Machine {
  readonly #random: Random;
  readonly #emit: (record: CallRecord, expected: Expected) => void;
  readonly #cpus: Cpu[];
  readonly #waiting: Task[] = [];
  /** Stack frame sizes by function, followed by those of kernel entry paths. */
  readonly #frameBytes: readonly number[];
  #time = 0x1_fff0_0000n;

  /**
   * @param random source of all decisions
   * @param cpus number of CPUs
   * @param emit receives each record and its expected result
   */
  constructor(
    random: Random,
    cpus: number,
    emit: (record: CallRecord, expected: Expected) => void,
  ) {
    this.#random = random;
    this.#emit = emit;
    this.#frameBytes = Array.from(
      { length: FUNCTIONS + WAYS_IN },
      () => 8 * (1 + random.int(4)) * (1 + random.int(40)),
    );
    // Anywhere below 4 GiB, as records only have the low halves of addresses.
    const base = random.int(0x3_0000) * 0x4000;
    this.#cpus = Array.from({ length: cpus }, (_, cpu) => {
      const idle: Task = { id: 0, stack: base + cpu * 0x8000, calls: [] };
      const stack = base + cpus * 0x8000 + 0x1000 * random.int(4) + cpu * 0x5000;
      return { idle, stack, task: idle, interrupts: [] };
    });
    while (this.#waiting.length < TASKS) this.#waiting.push(this.#newTask());
  }

  /** Number of functions. */
  static readonly functions = FUNCTIONS;

  /** Key of the context that a record belongs to. */
  static context(record: CallRecord): string {
    return record.task === 0 ? `idle ${record.cpu}` : `${record.task}`;
  }

  /** Performs a random action on a random CPU. */
  step(): void {
    const number = this.#random.int(this.#cpus.length);
    const cpu = this.#cpus[number]!;
    switch (this.#random.int(12)) {
      case 0:
        return this.#switch(cpu);
      case 1:
      case 2:
        return this.#interrupt(cpu);
      case 3:
      case 4:
        return this.#endInterrupt(cpu, number);
      case 5:
        return this.#tailCall(cpu, number);
      case 6:
      case 7:
      case 8:
        return this.#call(cpu, number);
      default:
        return this.#return(cpu, number);
    }
  }

  /** Runs all tasks until no call is left. */
  unwind(): void {
    for (const [number, cpu] of this.#cpus.entries()) {
      while (cpu.interrupts.length > 0) this.#endInterrupt(cpu, number);
      for (const task of [cpu.task, cpu.idle, ...this.#waiting.splice(0)]) {
        cpu.task = task;
        while (task.calls.length > 0) this.#return(cpu, number);
        if (task !== cpu.idle) this.#waiting.push(task);
      }
      cpu.task = cpu.idle;
    }
  }

  #newTask(): Task {
    const others = [...this.#waiting, ...this.#cpus.map((cpu) => cpu.task)];
    const free = (taken: number[], count: number, first: number, size: number): number => {
      for (;;) {
        const value = first + this.#random.int(count) * size;
        if (!taken.includes(value)) return value;
      }
    };
    const base = this.#cpus[0]!.idle.stack + 0x40_0000;
    return {
      id: free(others.map((task) => task.id), THREAD_IDS, 1000, 1),
      stack: free(others.map((task) => task.stack), TASK_STACKS, base, 0x8000),
      calls: [],
    };
  }

  #switch(cpu: Cpu): void {
    if (cpu.interrupts.length > 0) return;
    const last = cpu.task;
    if (last !== cpu.idle) {
      const ended = last.calls.length === 0 && this.#random.int(4) === 0;
      this.#waiting.push(ended ? this.#newTask() : last);
    }
    cpu.task = cpu.idle;
    if (this.#random.int(4) === 0) return;
    cpu.task = this.#waiting.splice(this.#random.int(this.#waiting.length), 1)[0]!;
  }

  #interrupt(cpu: Cpu): void {
    if (cpu.interrupts.length === MAX_INTERRUPTS) return;
    const { task, interrupts } = cpu;
    const running = this.#stack(cpu);
    // An interrupt from user mode uses the task's stack, which is empty then.
    const user = interrupts.length === 0 && task !== cpu.idle && task.calls.length === 0;
    const nested = interrupts.length > 0 && running === cpu.stack;
    interrupts.push({
      calls: task.calls.length,
      stack: user && this.#random.int(2) === 0 ? task.stack : nested ? running : cpu.stack,
    });
  }

  #endInterrupt(cpu: Cpu, number: number): void {
    const interrupt = cpu.interrupts.at(-1);
    if (interrupt === undefined) return;
    while (cpu.task.calls.length > interrupt.calls) this.#return(cpu, number);
    cpu.interrupts.pop();
  }

  /** Lowest address of the stack in use. */
  #stack(cpu: Cpu): number {
    return cpu.interrupts.at(-1)?.stack ?? cpu.task.stack;
  }

  /** The running call; undefined if an interrupt runs that has not made one. */
  #running(cpu: Cpu): LiveCall | undefined {
    const first = cpu.interrupts.at(-1)?.calls ?? 0;
    return cpu.task.calls.length > first ? cpu.task.calls.at(-1) : undefined;
  }

  #call(cpu: Cpu, number: number): void {
    const running = this.#running(cpu);
    if (running?.tail) return;
    const stack = this.#stack(cpu);
    let lowest = stack + STACK_BYTES;
    for (const { frame } of cpu.task.calls) {
      if (frame >= stack && frame < lowest) lowest = frame;
    }
    const caller = running?.fn ?? FUNCTIONS + this.#random.int(WAYS_IN);
    const frame = lowest - this.#frameBytes[caller]!;
    if (frame < stack + 512) return;
    this.#enter(cpu, number, frame, this.#random.int(FUNCTIONS));
  }

  #tailCall(cpu: Cpu, number: number): void {
    const running = this.#running(cpu);
    if (running === undefined || running.tail) return;
    const fn = this.#random.int(FUNCTIONS);
    // A function that tail-calls itself through others looks as if entered again.
    const { frame } = running;
    if (cpu.task.calls.some((call) => call.frame === frame && call.fn === fn)) return;
    running.tail = true;
    this.#enter(cpu, number, frame, fn);
  }

  #enter(cpu: Cpu, number: number, frame: number, fn: number): void {
    const { task } = cpu;
    const record: CallRecord = {
      kind: "entry",
      task: task.id,
      cpu: number,
      frame,
      fn,
      time: this.#now(),
    };
    this.#emit(record, { kind: "enter", depth: task.calls.length });
    task.calls.push({ frame, fn, tail: false });
  }

  /** Returns from the running call, and from those that reached it by tail calls. */
  #return(cpu: Cpu, number: number): void {
    const { task } = cpu;
    let running = this.#running(cpu);
    if (running === undefined) return;
    do {
      task.calls.pop();
      const { frame, fn } = running;
      this.#emit(
        { kind: "return", task: task.id, cpu: number, frame, fn, time: this.#now() },
        { kind: "leave", depth: task.calls.length },
      );
      running = this.#running(cpu);
    } while (running?.tail);
  }

  #now(): bigint {
    this.#time += BigInt(this.#random.int(100_000));
    return this.#time;
  }
}
