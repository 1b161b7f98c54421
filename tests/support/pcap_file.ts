/**
 * Writes captures for other programs to read (pcap-savefile(5)).
 *
 * @module
 */

import { viewOf } from "../../src/sys/view.ts";
import type { Frame } from "./frames.ts";

const MAGIC = 0xa1b2c3d4;
const ETHERNET = 1;
const FILE_HEADER = 24;
const PACKET_HEADER = 16;

/** A capture of Ethernet frames, the nth at n seconds. */
export function pcapFile(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  const size = frames.reduce((sum, { captured }) => sum + PACKET_HEADER + captured.length, 0);
  const file = new Uint8Array(FILE_HEADER + size);
  const view = viewOf(file);
  view.setUint32(0, MAGIC);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, 65535);
  view.setUint32(20, ETHERNET);
  let at = FILE_HEADER;
  for (const [index, { captured, whole }] of frames.entries()) {
    view.setUint32(at, index);
    view.setUint32(at + 8, captured.length);
    view.setUint32(at + 12, whole.length);
    file.set(captured, at + PACKET_HEADER);
    at += PACKET_HEADER + captured.length;
  }
  return file;
}
