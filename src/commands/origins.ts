/**
 * What formats of other programs say of where a trace is from.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import type { Origin } from "../output/view.ts";
import { wallClockOffset } from "../sys/clock.ts";
import { threadName } from "../sys/files.ts";
import { DropMaker, type DropSources } from "../trace/drops.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { dropSources } from "./drop_sources.ts";
import type { Replay } from "./replay.ts";
import type { Surroundings } from "./session.ts";
import type { Selection } from "./trace_setup.ts";

/** Threads whose names are kept. */
const MAX_THREADS = 65_536;

/** This machine. @param version of vrft */
export function liveOrigin(
  version: string,
  described: { readonly kernel: Btf; readonly vrouter: Btf | null },
  { namespaces }: Selection,
  around: Surroundings,
): Origin {
  const sources = dropSources(described, namespaces, around);
  const names = new Map<number, string | null>();
  return {
    host: Deno.hostname(),
    kernel: Deno.osRelease(),
    program: `vrft ${version}`,
    wallOffset: wallClockOffset(),
    task(thread): string | null {
      let name = names.get(thread);
      if (name === undefined) {
        name = threadName(thread);
        if (names.size < MAX_THREADS) names.set(thread, name);
      }
      return name;
    },
    ...namesOf(sources, () => around.vifWatch?.vifs ?? []),
  };
}

/** That of a recording. */
export function recordedOrigin(replay: Replay): Origin {
  const { host, kernel, vrft } = replay.sections.get("header")!;
  const names = new Map(replay.sections.get("tasks") ?? []);
  return {
    host,
    kernel,
    program: `vrft ${vrft}`,
    wallOffset: replay.wallOffset,
    task: (thread) => names.get(thread) ?? null,
    ...namesOf(replay.dropSources, replay.vifs),
  };
}

function namesOf(
  sources: DropSources,
  vifs: () => readonly Pick<Vif, "index" | "ifindex">[],
): Pick<Origin, "device" | "vif" | "drop"> {
  const drops = new DropMaker(sources);
  return {
    device: sources.device,
    vif(netns, ifindex): number | null {
      if (netns !== sources.vrouterNetns || ifindex === 0) return null;
      return vifs().find((vif) => vif.ifindex === ifindex)?.index ?? null;
    },
    drop: (record) => drops.drop(record),
  };
}
