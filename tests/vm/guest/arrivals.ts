/**
 * What arrives at the far ends: the frames that come in by devices of other namespaces.
 *
 * @module
 */

import { addressBytes } from "./requests.ts";
import { FRAGMENT_DATA, portBytes, type Tuple } from "./frames.ts";

/** Frames that came in, in hexadecimal. */
export class Arrivals {
  readonly #programs: readonly Deno.ChildProcess[];
  readonly #frames: readonly Promise<string>[];

  private constructor(programs: Deno.ChildProcess[], frames: Promise<string>[]) {
    this.#programs = programs;
    this.#frames = frames;
  }

  /** Listens at devices, each in a namespace; that of the test if it is not given. */
  static async at(
    ...devices: (readonly [namespace: string | undefined, device: string])[]
  ): Promise<Arrivals> {
    const programs = devices.map(([namespace, device]) => {
      const receive = ["receive-frames", device];
      const [program, ...args] = namespace === undefined
        ? receive
        : ["ip", "netns", "exec", namespace, ...receive];
      return new Deno.Command(program!, {
        args,
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
    });
    const frames: Promise<string>[] = [];
    for (const { stdout } of programs) {
      const [first, rest] = stdout.tee();
      frames.push(new Response(rest).text());
      // It prints something once it listens.
      const reader = first.getReader();
      await reader.read();
      void reader.cancel();
    }
    return new Arrivals(programs, frames);
  }

  /** Stops listening. @returns all frames, with the name of a device before those that came in by it */
  async end(): Promise<string[]> {
    return (await this.endEach()).flat();
  }

  /** Likewise, but by device, in their order. */
  async endEach(): Promise<string[][]> {
    for (const { stdin } of this.#programs) await stdin.close();
    return (await Promise.all(this.#frames)).map((text) => text.trimEnd().split("\n"));
  }
}

/** The addresses of a tuple, as any packet has them. */
export function addressesHex({ source, destination }: Tuple): string {
  return Uint8Array.from([...addressBytes(source), ...addressBytes(destination)]).toHex();
}

/**
 * How packets of a tuple show in a frame, behind whatever header: addresses, and ports. A later fragment
 * has data instead, as fragment() makes it.
 */
function tupleHex(tuple: Tuple): string {
  const rest = tuple.sourcePort === 0 ? FRAGMENT_DATA : portBytes(tuple);
  return addressesHex(tuple) + Uint8Array.from(rest).toHex();
}

/** Frames with a packet of a tuple, perhaps in a tunnel, but not in an error of ICMP. */
export function framesOf(frames: readonly string[], tuple: Tuple): string[] {
  const hex = tupleHex(tuple);
  return frames.filter((frame) => frame.includes(hex) && frame.slice(46, 48) !== ICMP_HEX);
}

/** What stands for it at byte 23 of a frame, in the header of IPv4. */
const ICMP_HEX = "01";
