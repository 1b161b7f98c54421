/**
 * Messages of ICMP and ICMPv6 in tcpdump's words.
 *
 * @module
 */

import type { Icmp } from "./headers.ts";

/** By type, or type and code; what is not here is told by numbers. */
const ICMP: ReadonlyMap<string, string> = new Map([
  ["0", "echo reply"],
  ["3/0", "net unreachable"],
  ["3/1", "host unreachable"],
  ["3/2", "protocol unreachable"],
  ["3/3", "port unreachable"],
  ["3/4", "unreachable - need to frag"],
  ["3/5", "unreachable - source route failed"],
  ["3/6", "net unreachable - unknown"],
  ["3/7", "host unreachable - unknown"],
  ["3/9", "net unreachable - admin prohibited"],
  ["3/10", "host unreachable - admin prohibited"],
  ["3/13", "unreachable - admin prohibited filter"],
  ["5", "redirect"],
  ["8", "echo request"],
  ["9", "router advertisement"],
  ["10", "router solicitation"],
  ["11/0", "time exceeded in-transit"],
  ["11/1", "ip reassembly time exceeded"],
  ["12", "parameter problem"],
  ["13", "time stamp query"],
  ["14", "time stamp reply"],
]);

const ICMP6: ReadonlyMap<string, string> = new Map([
  ["1/0", "unreachable route"],
  ["1/1", "unreachable prohibited"],
  ["1/2", "beyond scope"],
  ["1/3", "unreachable address"],
  ["1/4", "unreachable port"],
  ["2", "packet too big"],
  ["3/0", "time exceeded in-transit"],
  ["3/1", "time exceeded (reassembly)"],
  ["4", "parameter problem"],
  ["128", "echo request"],
  ["129", "echo reply"],
  ["130", "multicast listener query"],
  ["131", "multicast listener report"],
  ["132", "multicast listener done"],
  ["133", "router solicitation"],
  ["134", "router advertisement"],
  ["135", "neighbor solicitation"],
  ["136", "neighbor advertisement"],
  ["137", "redirect"],
  ["143", "multicast listener report v2"],
]);

/** `echo request`, `unreachable - need to frag (mtu 1450)`, `neighbor solicitation, who has fe80::1`. */
export function icmpWords({ type, code, mtu, target }: Icmp, version: 4 | 6): string {
  const names = version === 4 ? ICMP : ICMP6;
  const name = names.get(`${type}`) ?? names.get(`${type}/${code}`) ?? `type ${type} code ${code}`;
  if (mtu !== null) return version === 4 ? `${name} (mtu ${mtu})` : `${name}, mtu ${mtu}`;
  if (target === null) return name;
  return `${name}, ${type === 135 ? "who has" : "tgt is"} ${target}`;
}
