/**
 * What protoc reads of a message of protocol buffers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MONITORS } from "./monitors.ts";
import { whyNoFile, whyNoProgram } from "./skip.ts";

/** Why messages cannot be decoded; empty if they can. */
export const NO_PROTOC = whyNoProgram("protoc");

/** Why messages of OpenTelemetry cannot be decoded; empty if they can. */
export const NO_OTLP = NO_PROTOC || whyNoFile(`${MONITORS}/opentelemetry`);

const DATA = new URL("../data/", import.meta.url).pathname;

/** A message in protoc's words: the values of each field. */
export interface Message {
  readonly [field: string]: readonly (string | Message)[];
}

/**
 * Decodes a message. A field that the .proto file does not know fails: protoc names it by its number.
 *
 * @param file in tests/data, or of OpenTelemetry
 * @param type of the message, with its package
 */
export async function decodedBy(
  file: string,
  type: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Message> {
  const protoc = new Deno.Command("protoc", {
    args: [`--proto_path=${DATA}`, `--proto_path=${MONITORS}`, `--decode=${type}`, file],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = new Response(bytes).body!.pipeTo(protoc.stdin);
  const { success, stdout, stderr } = await protoc.output();
  await input;
  assert.ok(success, new TextDecoder().decode(stderr));
  const top: Record<string, (string | Message)[]> = {};
  const open = [top];
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const [, field, value] = /^ *(\w+)(?:: (.*)| \{)$/.exec(line) ?? [];
    if (field === undefined) {
      if (line !== "") open.pop();
      continue;
    }
    assert.doesNotMatch(field, /^\d/, "an unknown field");
    const message: Record<string, (string | Message)[]> = {};
    (open.at(-1)![field] ??= []).push(
      value === undefined ? message : value.replace(/^"(.*)"$/, "$1"),
    );
    if (value === undefined) open.push(message);
  }
  return top;
}
