import assert from "node:assert/strict";
import { TASK } from "../../src/probe/record.ts";
import type { NamedFile } from "../../src/recording/block_queue.ts";
import { OccurringTasks } from "../../src/recording/task_names.ts";
import { endRecord, feedWords } from "../support/packet_records.ts";
import { Collected, MemoryFile, readAll, recorded, writerTo } from "../support/recordings.ts";

Deno.test("each task is named once, in front of its records", async () => {
  const asked: number[] = [];
  const tasks = new OccurringTasks((thread) => {
    asked.push(thread);
    return thread === 9 ? null : `task\x1b${thread}`;
  });
  const place = { slot: 1, generation: 1, time: 5 };
  const bytes = await recorded((writer) => {
    for (const task of [0, 7, 9, 7, 4_194_303]) feedWords(writer, endRecord({ ...place, task }));
    writer.flush();
    for (const task of [9, 8]) feedWords(writer, endRecord({ ...place, task }));
  }, { tasks });
  assert.deepEqual(asked, [7, 9, 4_194_303, 8]);
  const read = new Collected();
  const reader = readAll(bytes, read);
  assert.deepEqual(reader.sections.get("tasks"), [
    [7, "task\\x1b7"],
    [4_194_303, "task\\x1b4194303"],
    [8, "task\\x1b8"],
  ]);
  assert.equal(reader.ending?.kind, "complete");
});

Deno.test("thread ids that no kernel has are not asked for", () => {
  const tasks = new OccurringTasks(() => "name");
  tasks.note(endRecord({ slot: 1, generation: 1, task: 0xffff_ffff }), 0);
  assert.deepEqual(tasks.take(), []);
});

Deno.test("however many tasks there were, those that occur now have names, in the next file, too", async () => {
  const tasks = new OccurringTasks((thread) => `task${thread}`);
  const files: MemoryFile[] = [];
  let isDue = false;
  const rotation = {
    isDue: (): boolean => isDue,
    next(): NamedFile {
      isDue = false;
      files.push(new MemoryFile());
      return { file: files.at(-1)!, name: "memory" };
    },
  };
  const writer = writerTo(rotation.next(), { tasks, rotation });
  const record = endRecord({ slot: 1, generation: 1, time: 5 });
  const meet = (task: number): void => {
    record[TASK] = task;
    feedWords(writer, record);
  };
  for (let task = 1; task <= 70_000; task++) meet(task);
  isDue = true;
  meet(70_001);
  writer.flush();
  meet(70_002);
  // It was among the first, and occurs again.
  meet(7);
  writer.end("interrupted");
  await writer.settle();
  assert.equal(files.length, 2);
  const [first, second] = files.map(({ bytes }) =>
    new Map(readAll(bytes, new Collected()).sections.get("tasks"))
  );
  assert.equal(first!.get(70_001), "task70001");
  for (const task of [69_999, 70_001, 70_002, 7]) assert.equal(second!.get(task), `task${task}`);
  assert.ok(first!.size <= 70_001 && second!.size <= 70_001);
});

Deno.test("the name of a task of this machine is its comm", () => {
  const tasks = new OccurringTasks();
  tasks.note(endRecord({ slot: 1, generation: 1, task: Deno.pid }), 0);
  const comm = Deno.readTextFileSync(`/proc/${Deno.pid}/comm`).trimEnd();
  assert.deepEqual(tasks.take(), [[Deno.pid, comm]]);
});
