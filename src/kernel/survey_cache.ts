/**
 * Keeps a survey of the kernel from one start to the next: to make it takes longer than all else before the
 * programs are loaded. Only whole ones are kept: where an address or a list was hidden, all is read again.
 *
 * @module
 */

import { keep, type ProgramCache, readKept } from "../sys/program_cache.ts";
import type { Candidate, Survey } from "./functions.ts";
import type { Answers } from "./later_btf.ts";
import type { PacketParameter } from "./prototypes.ts";

/** Name of the file. */
const NAME = "survey";

/** A survey, and of which modules it was made, by name. */
export interface KeptSurvey {
  readonly survey: Survey;
  readonly modules: readonly string[];
  /** As in `KernelSources`. */
  readonly notes: readonly string[];
  /** What is known of the BTF of the kernel, and of vrouter. */
  readonly kernel: Answers;
  readonly vrouter: Answers;
}

/** The file's contents: candidates have numbers of the modules and packets. */
interface Content extends Omit<KeptSurvey, "survey"> {
  readonly survey: Omit<Survey, "candidates">;
  readonly packets: readonly PacketParameter[];
  readonly candidates: readonly (readonly [
    module: number,
    packet: number,
    name: string,
    trampoline: number | string,
    /** In hexadecimal. */
    address: string | null,
    reason: string | null,
  ])[];
}

/** The survey kept under a key; `null` without a usable one. */
export async function readSurvey(cache: ProgramCache, key: string): Promise<KeptSurvey | null> {
  const text = await readKept(cache, NAME, key);
  if (text === null) return null;
  const { survey, packets, candidates, ...others } = JSON.parse(text) as Content;
  const { modules } = others;
  return {
    ...others,
    survey: {
      ...survey,
      candidates: candidates.map((
        [module, packet, name, trampoline, address, reason],
      ): Candidate => ({
        module: modules[module]!,
        name,
        packet: packets[packet]!,
        trampoline,
        address: address === null ? null : BigInt(`0x${address}`),
        reason,
      })),
    },
  };
}

/**
 * Keeps a survey if it is whole.
 *
 * @throws {Error} Deno's, if it cannot be written
 */
export async function keepSurvey(
  cache: ProgramCache,
  key: string,
  { survey, ...others }: KeptSurvey,
): Promise<void> {
  const { modules } = others;
  const { candidates, ...rest } = survey;
  if (!rest.addressesKnown || !rest.traceabilityKnown) return;
  const numbers = new Map(modules.map((module, number) => [module, number]));
  const packets: PacketParameter[] = [];
  const packetNumbers = new Map<string, number>();
  const content: Content = {
    ...others,
    survey: rest,
    packets,
    candidates: candidates.map(({ module, packet, name, trampoline, address, reason }) => {
      const text = JSON.stringify(packet);
      let number = packetNumbers.get(text);
      if (number === undefined) {
        number = packets.push(packet) - 1;
        packetNumbers.set(text, number);
      }
      const hex = address?.toString(16) ?? null;
      return [numbers.get(module)!, number, name, trampoline, hex, reason];
    }),
  };
  await keep(cache, NAME, key, JSON.stringify(content));
}
