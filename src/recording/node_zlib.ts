/**
 * node:zlib, which takes a tenth of a second to load: so not before a recording is written or read.
 *
 * @module
 */

/** The module. */
export function zlib(): typeof import("node:zlib") {
  return process.getBuiltinModule("node:zlib");
}
