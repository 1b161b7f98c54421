/**
 * Netlink datagrams captured between vrouter's own tools and the module, numbered in the order of
 * exchange.
 *
 * @module
 */

const FOLDER = new URL("../data/vrouter-netlink/", import.meta.url);

/** Names of all captured datagrams, without `.hex`; those of requests end in `-req`. */
export function vectorNames(): string[] {
  return [...Deno.readDirSync(FOLDER)]
    .filter((entry) => entry.name.endsWith(".hex"))
    .map((entry) => entry.name.slice(0, -".hex".length))
    .sort();
}

/** The bytes of the captured datagram `name`. */
export function vector(name: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(Deno.readTextFileSync(new URL(`${name}.hex`, FOLDER)).trim());
}
