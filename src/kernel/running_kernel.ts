/**
 * What identifies the code that runs in the kernel: while it stays the same, so do the kernel's symbols,
 * their addresses, their BTF, and what ftrace can trace.
 *
 * The kernel itself is named by its boot and its build id. A module is named by the inode of its folder in
 * sysfs, which is another one each time that a module is loaded, also of the same file at the same address:
 * kernfs numbers its nodes without end (`__kernfs_new_node()`, 64 bits since Linux 5.5). Its build id and
 * its address are named as well.
 *
 * @module
 */

import { readText } from "../sys/files.ts";

/** Where the file systems are mounted. */
export interface KernelMounts {
  readonly proc: string;
  readonly sys: string;
}

/** On a running system. */
export const MOUNTS: KernelMounts = { proc: "/proc", sys: "/sys" };

/**
 * A text without line ends that differs whenever other code runs in the kernel, or this process is shown
 * less of it: capabilities and sysctls decide on the addresses in /proc/kallsyms (`kallsyms_show_value()`).
 *
 * @returns `null` if that cannot be told, or a module is being loaded or removed
 */
export function runningKernel({ proc, sys }: KernelMounts = MOUNTS): string | null {
  const boot = readText(`${proc}/sys/kernel/random/boot_id`);
  const version = readText(`${proc}/version`);
  const status = readText(`${proc}/self/status`);
  const loaded = loadedModules({ proc, sys });
  if (boot === null || version === null || status === null || loaded === null) return null;
  return JSON.stringify({
    boot: boot.trim(),
    version: version.trim(),
    notes: bytesOf(`${sys}/kernel/notes`),
    // What capabilities are worth depends on it.
    userNamespace: linkOf(`${proc}/self/ns/user`),
    capabilities: /^CapEff:\s*(\w+)$/m.exec(status)?.[1],
    kptrRestrict: readText(`${proc}/sys/kernel/kptr_restrict`)?.trim(),
    perfEventParanoid: readText(`${proc}/sys/kernel/perf_event_paranoid`)?.trim(),
    loaded,
  });
}

/** Each module by its load; `null` if one of them is not there completely. */
function loadedModules({ proc, sys }: KernelMounts): (readonly unknown[])[] | null {
  // Without CONFIG_MODULES there is no such file.
  const text = readText(`${proc}/modules`) ?? "";
  const modules: (readonly unknown[])[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    // Name, size, users, who they are, state, address.
    const [name, size, , , state, address] = line.split(" ");
    if (state !== "Live") return null;
    const folder = `${sys}/module/${name}`;
    try {
      const { dev, ino } = Deno.statSync(folder);
      modules.push([name, size, address, dev, ino, bytesOf(`${folder}/notes/.note.gnu.build-id`)]);
    } catch {
      return null;
    }
  }
  return modules;
}

/** Where a link leads; `null` without it. */
function linkOf(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}

/** Contents of a small file in hexadecimal; `null` without it. */
function bytesOf(path: string): string | null {
  try {
    return Deno.readFileSync(path).toHex();
  } catch {
    return null;
  }
}
