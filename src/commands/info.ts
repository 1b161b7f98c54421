/**
 * `vrft info`: describes a recording.
 *
 * @module
 */

import type { InfoOptions } from "../cli/invocation.ts";
import { infoJson, infoText, type RecordingInfo } from "../output/recording_info.ts";
import type { RecordedCounters } from "../recording/sections.ts";
import { survey } from "../recording/survey.ts";
import type { CommandIo } from "./io.ts";
import { openRecording, readerOf } from "./recordings.ts";

/**
 * Describes it as lines, or as a JSON object.
 *
 * @returns exit status: 1 if something is wrong with the file
 * @throws {Failure} `recording` if it is no recording
 */
export function runInfo({ file, json }: InfoOptions, io: CommandIo): number {
  using open = openRecording(file);
  const reader = readerOf(open);
  const found = survey(reader);
  const { sections } = reader;
  const counters: RecordedCounters | undefined = sections.get("counters");
  const info: RecordingInfo = {
    header: reader.header,
    selection: sections.get("selection") ?? {},
    clock: sections.get("clocks")?.[0] ?? null,
    functions: sections.get("functions")?.length ?? 0,
    vifs: sections.get("vifs")?.all.length ?? null,
    nexthops: sections.get("nexthops")?.all.length ?? null,
    tasks: new Set((sections.get("tasks") ?? []).map(([thread]) => thread)).size,
    triggers: sections.get("triggers") ?? [],
    counters: counters?.values ?? null,
    ...found,
  };
  io.out(json ? infoJson(info) : infoText(info));
  return found.ending.kind === "damaged" ? 1 : 0;
}
