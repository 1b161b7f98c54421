/**
 * `vrft interfaces`: lists the vifs of the vrouter module.
 *
 * @module
 */

import type { InterfacesOptions } from "../cli/invocation.ts";
import { type Column, table } from "../output/table.ts";
import { findNamespaces } from "../probe/initial_namespace.ts";
import type { NetworkNamespaces } from "../sys/network.ts";
import { printable, printableJson } from "../sys/printable.ts";
import { readVifs, type Vif } from "../vrouter/interfaces.ts";
import type { CommandIo } from "./io.ts";

/** Letters of VIF_FLAG_* bits, as in vrouter's own `vif --list`. */
const FLAG_LETTERS: readonly (readonly [bit: number, letters: string])[] = [
  [0x1, "P"],
  [0x2, "X"],
  [0x4, "S"],
  [0x8, "Mr"],
  [0x10, "Mt"],
  [0x20, "Tc"],
  [0x40, "L3"],
  [0x80, "L2"],
  [0x100, "D"],
  [0x200, "Vp"],
  [0x400, "Pr"],
  [0x800, "Vnt"],
  [0x1000, "Mnp"],
  [0x2000, "Dpdk"],
  [0x4000, "Rfl"],
  [0x8000, "Mon"],
  [0x10000, "Uuf"],
  [0x20000, "Vof"],
  [0x40000, "Df"],
  [0x80000, "L"],
  [0x100000, "Proxy"],
  [0x200000, "Er"],
  [0x1000000, "Mn"],
  [0x2000000, "Ig"],
  [0x8000000, "HbsL"],
  [0x10000000, "HbsR"],
  [0x40000000, "Ml"],
];

const COLUMNS: readonly Column<Vif>[] = [
  { title: "VIF", cell: (vif) => `vif0/${vif.index}` },
  { title: "NAME", cell: (vif) => nameOr(vif.name) },
  { title: "DEVICE", cell: (vif) => nameOr(vif.device) },
  { title: "IFINDEX", right: true, cell: (vif) => vif.ifindex === 0 ? "-" : `${vif.ifindex}` },
  { title: "TYPE", cell: (vif) => vif.type },
  { title: "VRF", right: true, cell: (vif) => `${vif.vrf}` },
  { title: "FLAGS", cell: (vif) => flagLetters(vif.flags) },
  { title: "RX PACKETS", right: true, cell: (vif) => `${vif.rxPackets}` },
  { title: "TX PACKETS", right: true, cell: (vif) => `${vif.txPackets}` },
  { title: "DROPS", right: true, cell: (vif) => `${vif.drops}` },
];

/**
 * Lists the vifs as a table, or as a JSON array.
 *
 * @param vifs reads them; by default from the module in this kernel
 * @returns the exit status, 0
 * @throws {Failure} if the vifs cannot be listed
 */
export function runInterfaces(
  options: InterfacesOptions,
  io: CommandIo,
  vifs: () => readonly Vif[] = () => readVifs(namespacesFor(options, io)),
): number {
  const found = vifs();
  if (options.debug) {
    const unnamed = found.filter((vif) => vif.ifindex !== 0 && vif.device === null).length;
    io.log(`${found.length} vifs read; ${unnamed} with a device outside this network namespace`);
  }
  io.out(options.json ? printableJson(found.map(jsonOf)) : table(COLUMNS, found));
  return 0;
}

/** If the initial namespace is unknown, the names of devices are missing. */
function namespacesFor({ debug }: InterfacesOptions, io: CommandIo): NetworkNamespaces {
  return findNamespaces(null, (message) => {
    if (debug) io.log(message);
  });
}

/** Stable keys, in a stable order. */
function jsonOf(vif: Vif): Record<string, string | number | null> {
  const { index, name, device, ifindex, type, vrf, flags, rxPackets, txPackets, drops } = vif;
  return { index, name, device, ifindex, type, vrf, flags, rxPackets, txPackets, drops };
}

/** A name from the kernel, or `-` for none. */
function nameOr(name: string | null): string {
  return name === null || name === "" ? "-" : printable(name);
}

/** `flags` as in `vif --list`; bits without letters in hexadecimal. */
function flagLetters(flags: number): string {
  let letters = "";
  let rest = flags;
  for (const [bit, name] of FLAG_LETTERS) {
    if ((flags & bit) === 0) continue;
    letters += name;
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) letters += `${letters === "" ? "" : "+"}0x${rest.toString(16)}`;
  return letters === "" ? "-" : letters;
}
