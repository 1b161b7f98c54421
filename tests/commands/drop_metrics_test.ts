import assert from "node:assert/strict";
import { DropMetrics, type MetricSources } from "../../src/commands/drop_metrics.ts";
import { Log } from "../../src/output/log.ts";
import { drop } from "../support/drops.ts";
import { MessageList } from "../support/message_list.ts";
import { attributesOf, messages, metricsOf, text } from "../support/otlp.ts";
import { Receiver } from "../support/otlp_receiver.ts";
import { NO_OTLP } from "../support/protoc.ts";
import { testUnless } from "../support/skip.ts";

testUnless(
  NO_OTLP,
  "what is sent at the end has drops whose records are read after it",
  async () => {
    await using receiver = new Receiver();
    using metrics = new DropMetrics(
      { listen: null, textfile: null, otlp: receiver.url, intervalMs: null },
      new Log({ messages: new MessageList() }),
      { version: "0.1.0", commit: "" },
    );
    let isOver = false;
    const whileTracing = <T>(value: T): T => {
      assert.ok(!isOver, "the module and the programs may be gone");
      return value;
    };
    metrics.begin({
      tracer: {
        counts: () => ({ lost: 0, missed: 0, removed: 0 }),
        get programs() {
          return whileTracing([]);
        },
      } as unknown as MetricSources["tracer"],
      vifs: () => [],
      module: () => whileTracing({ all: new Map([["VP_DROP_DISCARD", 3]]), vifs: new Map() }),
      damaged: () => 0,
    });
    metrics.add(drop());
    metrics.end();
    isOver = true;
    metrics.add(drop());
    metrics.add(drop());
    await metrics.finish(new AbortController().signal);
    assert.equal(receiver.got.length, 1);
    const [of] = messages(
      messages(await metricsOf(receiver.got[0]!.body), "resource_metrics")[0]!,
      "scope_metrics",
    );
    const pointsOf = (name: string) => {
      const found = messages(of!, "metrics").find((one) => text(one, "name") === name)!;
      return messages(messages(found, "sum")[0]!, "data_points")
        .map((one) => [attributesOf(one)["reason"], Number(text(one, "as_double"))] as const)
        .filter(([, count]) => count > 0);
    };
    assert.deepEqual(pointsOf("vrft_packet_dropped"), [[drop().reason.name, 3]]);
    assert.deepEqual(pointsOf("vrft_module_packet_dropped"), [["VP_DROP_DISCARD", 3]]);
  },
);
