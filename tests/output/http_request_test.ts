import assert from "node:assert/strict";
import { BadRequest, headEnd, parseRequest, weightOf } from "../../src/output/http_request.ts";
import { forRandomCases } from "../support/property.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function parse(text: string): ReturnType<typeof parseRequest> {
  return parseRequest(bytes(text));
}

Deno.test("headEnd() finds the empty line", () => {
  assert.equal(headEnd(bytes("GET / HTTP/1.1\r\nA: b\r\n\r\nrest")), 24);
  assert.equal(headEnd(bytes("GET / HTTP/1.1\nA: b\n\nrest")), 21);
  assert.equal(headEnd(bytes("GET / HTTP/1.1\r\nA: b\r\n")), -1);
  assert.equal(headEnd(bytes("")), -1);
});

Deno.test("parseRequest() reads method, path and headers", () => {
  const { method, path, headers } = parse(
    "GET /metrics?name[]=a HTTP/1.1\r\nHost: x:1\r\naccept:  text/plain \r\nACCEPT: */*\r\n\r\n",
  );
  assert.deepEqual([method, path], ["GET", "/metrics"]);
  assert.deepEqual([...headers], [["host", "x:1"], ["accept", "text/plain, */*"]]);
});

Deno.test("parseRequest() reads the path of a proxy's request", () => {
  assert.equal(parse("GET http://127.0.0.1:9467/metrics HTTP/1.0\r\n\r\n").path, "/metrics");
  assert.equal(parse("GET http://127.0.0.1:9467 HTTP/1.1\r\n\r\n").path, "/");
});

Deno.test("parseRequest() refuses what is no request", () => {
  for (
    const text of [
      "",
      "\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTP/2.0\r\n\r\n",
      "GET  / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nno header\r\n\r\n",
      "GET / HTTP/1.1\r\n folded: x\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    ]
  ) {
    assert.throws(() => parse(text), BadRequest, JSON.stringify(text));
  }
});

Deno.test("weightOf() gives the highest weight of a choice", () => {
  const accept = "application/openmetrics-text;version=1.0.0;q=0.5, " +
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
  assert.equal(weightOf(accept, ["application/openmetrics-text"]), 0.5);
  assert.equal(weightOf(accept, ["text/plain", "text/*", "*/*"]), 0.3);
  assert.equal(weightOf(accept, ["text/html"]), 0);
  assert.equal(weightOf("gzip;q=0, br", ["gzip"]), 0);
  assert.equal(weightOf("GZIP", ["gzip"]), 1);
  assert.equal(weightOf("gzip;q=nonsense", ["gzip"]), 0);
  assert.equal(weightOf(undefined, ["gzip"]), 0);
});

Deno.test("property: no bytes make parseRequest() fail in another way", () => {
  const parts = [
    "GET",
    " ",
    "/",
    "HTTP/1.1",
    "\r\n",
    "\n",
    ":",
    "Accept",
    "é",
    "\0",
    "?",
    "http://",
  ];
  let read = 0;
  forRandomCases(33, (random) => {
    const text = Array.from({ length: random.int(12) }, () => random.pick(parts)).join("");
    const start = random.pick(["", "GET / HTTP/1.1\r\n"]);
    try {
      parse(start + text);
      read++;
    } catch (error) {
      assert.ok(error instanceof BadRequest, `${error}`);
    }
  });
  assert.ok(read > 0);
});
