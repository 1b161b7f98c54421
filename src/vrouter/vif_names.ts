/**
 * Which vifs a user means.
 *
 * @module
 */

import { parseAddress } from "../sys/connections.ts";
import { Failure } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import type { Vif } from "./interfaces.ts";

const MAC = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;
const MAXIMUM_LISTED = 10;

/**
 * The vifs with a name: `vif0/N`, the vif's name or that of its device, its MAC or IP address. Several
 * vifs may have the same address.
 *
 * @returns their indexes, at least one
 * @throws {Failure} if there is none
 */
export function vifsNamed(name: string, vifs: readonly Vif[]): number[] {
  const means = meaning(name);
  const found = [...new Set(vifs.filter(means).map(({ index }) => index))];
  if (found.length > 0) return found;
  // Of a recording, vifs that came and went are listed each time.
  const known = [
    ...new Set(
      vifs.map(({ index, name }) => `vif0/${index}` + (name === "" ? "" : ` (${printable(name)})`)),
    ),
  ];
  const hint = known.length === 0
    ? "there are none"
    : `there are ${known.slice(0, MAXIMUM_LISTED).join(", ")}` +
      (known.length > MAXIMUM_LISTED ? " and more" : "");
  throw new Failure(
    "interfaces",
    `Cannot trace packets of vif "${printable(name)}": no vif has this name or address; ${hint}`,
  );
}

/**
 * N of a vif's name in the notation of vrouter's own tools, `vif0/N`, in which 0 is the only router;
 * `undefined` for any other name.
 */
export function vifNumber(name: string): number | undefined {
  const [, number] = /^vif0\/(\d{1,5})$/.exec(name) ?? [];
  return number === undefined ? undefined : Number(number);
}

function meaning(name: string): (vif: Vif) => boolean {
  const number = vifNumber(name);
  if (number !== undefined) return ({ index }) => index === number;
  const named = (vif: Vif): boolean => vif.name === name || vif.device === name;
  const address = MAC.test(name)
    ? Uint8Array.from(name.split(":"), (byte) => parseInt(byte, 16))
    : parseAddress(name);
  if (address === null) return named;
  return (vif) => vif.addresses.some((one) => isSame(one, address)) || named(vif);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
