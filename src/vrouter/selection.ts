/**
 * Selects the interfaces to trace.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { SystemError } from "../sys/libc.ts";
import {
  INITIAL_NAMESPACE,
  namespaceOfFile,
  type NetworkDevice,
  type NetworkLink,
  type NetworkNamespaces,
  networkNamespaces,
  readNetworkDevices,
} from "../sys/network.ts";
import { printable } from "../sys/printable.ts";
import { nearest } from "../sys/similar.ts";
import { readVifs, type Vif } from "./interfaces.ts";
import { ownDevices } from "./own_devices.ts";
import type { SelectedInterface } from "./selected_interface.ts";
import { vifNumber } from "./vif_names.ts";

export type { SelectedInterface };

/** The interfaces to select from. */
export interface AvailableInterfaces {
  /** The vifs; `null` without the vrouter module (`--no-vrouter`). */
  readonly vifs: readonly Vif[] | null;
  /** The network devices of this process's namespace. */
  readonly devices: readonly NetworkDevice[];
  /** The network devices of the vifs' namespace. */
  readonly vrouterDevices: readonly NetworkLink[];
  readonly namespaces: NetworkNamespaces;
}

/** Number of names suggested for an unknown one. */
const MAXIMUM_SUGGESTIONS = 3;
const MAXIMUM_LISTED = 10;

/**
 * Selects interfaces by name. A name is that of a vif, `vif0/N`, or that of a network device in this
 * process's namespace; if both a vif and a device have it, it selects both. Without names all vifs are
 * selected, or, without the module, all network devices. A physical vif also selects the internal
 * devices through which vrouter passes its packets.
 *
 * @returns the interfaces, each once
 * @throws {Failure} if a name is unknown, or there is nothing to select
 */
export function selectInterfaces(
  names: readonly string[],
  available: AvailableInterfaces,
): SelectedInterface[] {
  const { vifs, devices } = available;
  const selected = names.length > 0
    ? names.flatMap((name) => resolve(name, available))
    : vifs?.map((vif) => selectVif(vif, available)) ??
      devices.map((device) => selectDevice(device, available));
  if (selected.length === 0) {
    throw new Failure(
      "interfaces",
      vifs === null
        ? "Cannot trace: this network namespace has no network devices"
        : "Cannot trace: the vrouter module has no vifs; add some, or select a network device with -i",
    );
  }
  const all = [...selected, ...ownDevices(selected, available)];
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}

/**
 * Like {@linkcode selectInterfaces}, for the interfaces of this machine.
 *
 * @param vrouter false to ignore the vrouter module
 * @throws {VrouterAbsentError} if the module is needed and not loaded
 * @throws {Failure} also if the vifs or devices cannot be listed
 */
export function selectFromSystem(
  names: readonly string[],
  vrouter: boolean,
  namespaces: NetworkNamespaces = networkNamespaces(),
): SelectedInterface[] {
  return selectAmong(names, vrouter ? readVifs(namespaces) : null, namespaces);
}

/**
 * Like {@linkcode selectFromSystem}, for vifs already listed.
 *
 * @param vifs `null` to ignore the vrouter module
 * @param file of the network namespace of the vifs' devices
 * @param warn receives warnings about what will not be traced
 */
export function selectAmong(
  names: readonly string[],
  vifs: readonly Vif[] | null,
  namespaces: NetworkNamespaces,
  file: string = INITIAL_NAMESPACE,
  warn: (message: string) => void = () => {},
): SelectedInterface[] {
  const devices = readNetworkDevices();
  const vrouterDevices = vifs === null ? [] : readVrouterDevices(devices, namespaces, file, warn);
  return selectInterfaces(names, { vifs, devices, vrouterDevices, namespaces });
}

function readVrouterDevices(
  devices: readonly NetworkLink[],
  { current, initial }: NetworkNamespaces,
  file: string,
  warn: (message: string) => void,
): readonly NetworkLink[] {
  if (current === initial) return devices;
  const missed = "packets from the fabric are not followed through vrouter's device pkt2";
  try {
    if (initial !== null && namespaceOfFile(file) === initial) return readNetworkDevices(file);
    warn(`The network namespace of vrouter's devices cannot be entered, so ${missed}`);
  } catch (error) {
    if (!(error instanceof SystemError || error instanceof Failure)) throw error;
    warn(`${error.message}; ${missed}`);
  }
  return [];
}

/** @throws {Failure} if the namespace of its device is unknown */
function selectVif(vif: Vif, { namespaces }: AvailableInterfaces): SelectedInterface {
  if (namespaces.initial === null) {
    throw new Failure(
      "network",
      "Cannot trace vifs: it is not known which network namespace is the host's, where their " +
        "devices are; name it with --netns (the host's /proc/1/ns/net, say), or start vrft in the " +
        "host's pid namespace",
    );
  }
  return { netns: namespaces.initial, ifindex: vif.ifindex, vifIndex: vif.index };
}

function selectDevice(
  { ifindex }: NetworkDevice,
  { namespaces }: AvailableInterfaces,
): SelectedInterface {
  return { netns: namespaces.current, ifindex, vifIndex: null };
}

/** The interfaces selected by one name: at least one. */
function resolve(name: string, available: AvailableInterfaces): SelectedInterface[] {
  const { vifs, devices, namespaces } = available;
  const number = vifNumber(name);
  if (number !== undefined && vifs === null) {
    throw new Failure(
      "interfaces",
      `Cannot trace interface "${name}": it is a vif, and --no-vrouter disables the vrouter module`,
    );
  }
  const device = devices.find((device) => device.name === name);
  const means = (vif: Vif): boolean =>
    number !== undefined ? vif.index === number : vif.name === name ||
      // The device of a vif that has another name.
      (device !== undefined && vif.ifindex === device.ifindex &&
        namespaces.current === namespaces.initial);
  const found = (vifs ?? []).filter(means).map((vif) => selectVif(vif, available));
  const covered = found.some((one) =>
    one.netns === namespaces.current && one.ifindex === device?.ifindex
  );
  if (device !== undefined && !covered) found.push(selectDevice(device, available));
  if (found.length === 0) throw unknown(name, available);
  return found;
}

function unknown(name: string, { vifs, devices }: AvailableInterfaces): Failure {
  const known = [
    ...new Set([
      ...(vifs ?? []).map((vif) => vif.name),
      ...devices.map((device) => device.name),
      ...(vifs ?? []).map((vif) => `vif0/${vif.index}`),
    ]),
  ].filter((one) => one !== "");
  const near = similarTo(name, known);
  const hint = near.length > 0
    ? `; did you mean ${near.map(quote).join(" or ")}?`
    : known.length > 0
    ? `; there are ${known.slice(0, MAXIMUM_LISTED).map(printable).join(", ")}` +
      (known.length > MAXIMUM_LISTED ? " and more" : "")
    : "";
  const kinds = vifs === null ? "network device" : "vif or network device";
  return new Failure(
    "interfaces",
    `Cannot trace interface ${quote(name)}: no ${kinds} has this name${hint}`,
  );
}

function quote(name: string): string {
  return `"${printable(name)}"`;
}

/** The closest matches for `name` among `known`, best first. */
function similarTo(name: string, known: readonly string[]): string[] {
  // Device names have at most 15 bytes, those of vifs 63.
  if (name.length < 2 || name.length > 64) return [];
  const limit = name.length <= 4 ? 1 : 2;
  return nearest(name, known, { limit: () => limit, beginnings: true })
    .slice(0, MAXIMUM_SUGGESTIONS);
}
