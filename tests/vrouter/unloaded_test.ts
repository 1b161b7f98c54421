import assert from "node:assert/strict";
import { listVifs, VrouterAbsentError } from "../../src/vrouter/interfaces.ts";
import {
  answerOf,
  familyAnswer,
  namedVif,
  netlinkError,
  response,
  ScriptedTransport,
} from "./fake_module.ts";

/** What the kernel answers to a request for a generic netlink family that is not there. */
const NO_FAMILY = [netlinkError(-2)];
const INCOMPLETE = 0x40000000;

Deno.test("listVifs() says that the module is not loaded when it goes after it was found", () => {
  const transport = new ScriptedTransport([familyAnswer(), NO_FAMILY]);
  assert.throws(() => listVifs(transport), VrouterAbsentError);
});

Deno.test("listVifs() says that the module is not loaded when it goes between two pages", () => {
  const page = answerOf([response(1 | INCOMPLETE)], [namedVif(1, "tap1")]);
  const transport = new ScriptedTransport([familyAnswer(), page, NO_FAMILY]);
  assert.throws(() => listVifs(transport), VrouterAbsentError);
  assert.equal(transport.sent.length, 3);
});
