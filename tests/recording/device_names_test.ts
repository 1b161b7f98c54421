import assert from "node:assert/strict";
import { OccurringDevices } from "../../src/recording/device_names.ts";
import { dropRecord, endRecord, feedWords, packetRecord } from "../support/packet_records.ts";
import { Collected, readAll, recorded } from "../support/recordings.ts";

const PLACE = { slot: 1, generation: 1, time: 5 };

Deno.test("devices that come during a trace are named in front of their records, each once", async () => {
  const asked: string[] = [];
  const names = new Map([["4 7", "tap7"], ["4 8", "tap8"]]);
  const devices = new OccurringDevices((netns, ifindex) => {
    asked.push(`${netns} ${ifindex}`);
    return names.get(`${netns} ${ifindex}`) ?? null;
  }, [[4, 3, "eth0"]]);
  const bytes = await recorded((writer) => {
    for (const ifindex of [0, 3, 7, 7]) {
      feedWords(writer, packetRecord(PLACE, { netns: 4, ifindex }));
    }
    feedWords(writer, endRecord(PLACE));
    writer.flush();
    feedWords(writer, dropRecord(PLACE, { netns: 4, ifindex: 8, iif: 7 }));
    // It is not known yet.
    feedWords(writer, dropRecord(PLACE, { netns: 4, ifindex: 9, iif: 8 }));
    writer.flush();
    names.set("4 9", "tap9");
    feedWords(writer, packetRecord(PLACE, { netns: 4, ifindex: 9 }));
  }, { devices });
  assert.deepEqual(asked, ["4 7", "4 8", "4 9", "4 9"]);
  const read = new Collected();
  const reader = readAll(bytes, read);
  assert.deepEqual(reader.sections.get("devices"), [
    [4, 7, "tap7"],
    [4, 8, "tap8"],
    [4, 9, "tap9"],
  ]);
});
