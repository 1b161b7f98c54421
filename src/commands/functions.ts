/**
 * `vrft functions`: lists the functions that would be traced, or those that are skipped.
 *
 * @module
 */

import type { FunctionsOptions } from "../cli/invocation.ts";
import { discover, type Discovery } from "../kernel/functions.ts";
import { leftOutLines } from "../kernel/left_out.ts";
import { whyNoModuleBtf } from "../kernel/module_btf.ts";
import { isOnStack, type PacketFunction, type SkippedFunction } from "../kernel/packet_function.ts";
import { type KernelSources, readSurveyed } from "../kernel/sources.ts";
import { type Column, table } from "../output/table.ts";
import { hasTrampolines } from "../probe/backends/trampoline.ts";
import { printable, printableJson } from "../sys/printable.ts";
import type { CommandIo } from "./io.ts";
import { keepingOf } from "./keeping.ts";

const FUNCTION_COLUMNS: readonly Column<PacketFunction>[] = [
  { title: "FUNCTION", cell: ({ name }) => printable(name) },
  { title: "MODULE", cell: ({ module }) => printable(module) },
  { title: "STRUCT", cell: ({ struct, indirection }) => `${struct} ${"*".repeat(indirection)}` },
  { title: "POSITION", right: true, cell: ({ position }) => `${position}` },
  { title: "ADDRESS", cell: ({ address }) => hexadecimal(address) ?? "-" },
];

const SKIPPED_COLUMNS: readonly Column<SkippedFunction>[] = [
  { title: "FUNCTION", cell: ({ name }) => printable(name) },
  { title: "MODULE", cell: ({ module }) => printable(module) },
  { title: "REASON", cell: ({ reason }) => printable(reason) },
];

/**
 * Lists functions as a table, or as a JSON array. Does not need root: what the kernel hides is missing
 * from the list, and the log says so.
 *
 * @param read reads the input of discovery; by default from this system's files
 * @returns the exit status, 0
 * @throws {Failure} without usable BTF, or for an invalid glob
 */
export async function runFunctions(
  options: FunctionsOptions,
  io: CommandIo,
  read: typeof readSurveyed = readSurveyed,
): Promise<number> {
  const debug = (message: string): void => {
    if (options.debug) io.log(message);
  };
  const sources = await read(options, keepingOf(debug));
  const { functions, excludes } = options;
  const trampolines = hasTrampolines(sources.kernel);
  const discovery = discover({ ...sources, functions, excludes, trampolines });
  for (const line of remarks(options, sources, discovery)) io.log(line);
  io.out(options.skipped ? skippedText(options, discovery) : functionsText(options, discovery));
  return 0;
}

function functionsText({ json }: FunctionsOptions, { functions }: Discovery): string {
  return json ? printableJson(functions.map(functionJson)) : table(FUNCTION_COLUMNS, functions);
}

function skippedText({ json }: FunctionsOptions, { skipped }: Discovery): string {
  return json ? printableJson(skipped.map(skippedJson)) : table(SKIPPED_COLUMNS, skipped);
}

/** Stable keys, in a stable order. */
function functionJson(
  { name, module, struct, position, indirection, address }: PacketFunction,
): Record<string, string | number | null> {
  return { name, module, struct, position, indirection, address: hexadecimal(address) };
}

function skippedJson({ name, module, reason }: SkippedFunction): Record<string, string> {
  return { name, module, reason };
}

/** A string, because JSON numbers are exact only up to 2^53. */
function hexadecimal(address: bigint | null): string | null {
  return address === null ? null : `0x${address.toString(16)}`;
}

/** What limits the list; with `--debug` also what it was made from. */
function remarks(
  options: FunctionsOptions,
  sources: KernelSources,
  { functions, skipped, leftOut, addressesKnown, traceabilityKnown }: Discovery,
): string[] {
  const lines = [...sources.warnings, ...leftOutLines(leftOut)];
  if (!traceabilityKnown) {
    lines.push("Listed by BTF alone: it is unknown which of these functions can be traced");
  }
  const stacked = functions.filter(isOnStack).length;
  if (stacked > 0 && !options.skipped) {
    lines.push(
      `Only --backend trampoline traces those whose packet is on the stack: ${stacked} of these`,
    );
  }
  if (!addressesKnown && sources.kallsyms !== null && functions.length > 0) {
    lines.push("The kernel hides addresses: run as root, with kernel.kptr_restrict below 2");
  }
  if (options.vrouter && sources.vrouterBtf === null) {
    lines.push(
      `No BTF of vrouter found: ${whyNoModuleBtf(sources)}; its functions are missing; pass a ` +
        "file to --vrouter-btf, or use --no-vrouter",
    );
  }
  if (options.debug) {
    lines.push(
      ...sources.notes,
      `Linux Debug info: ${sources.kernelBtf}`,
      `tf-vrouter Debug info: ${sources.vrouterBtf ?? "none"}`,
      `${functions.length} functions listed and ${skipped.length} skipped, of ` +
        `${sources.modules.length} modules`,
    );
  }
  return lines;
}
