import assert from "node:assert/strict";
import { OccurringTasks } from "../../src/recording/task_names.ts";
import { endRecord, feedWords } from "../support/packet_records.ts";
import { Collected, readAll, recorded } from "../support/recordings.ts";

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

Deno.test("the name of a task of this machine is its comm", () => {
  const tasks = new OccurringTasks();
  tasks.note(endRecord({ slot: 1, generation: 1, task: Deno.pid }), 0);
  const comm = Deno.readTextFileSync(`/proc/${Deno.pid}/comm`).trimEnd();
  assert.deepEqual(tasks.take(), [[Deno.pid, comm]]);
});
