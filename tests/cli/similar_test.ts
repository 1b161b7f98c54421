import assert from "node:assert/strict";
import { similarCommand } from "../../src/cli/similar.ts";

Deno.test("a word that is almost a command is taken for it", () => {
  for (
    const [word, command] of [
      ["function", "functions"],
      ["funtcions", "functions"],
      ["interface", "interfaces"],
      ["chekc", "check"],
      ["completion", "completions"],
      ["hlep", "help"],
    ]
  ) {
    assert.equal(similarCommand(word!), command, word);
  }
});

Deno.test("words of filters and names of devices are not", () => {
  const words =
    "icmp icmp6 ip ip6 tcp udp arp host net port portrange src dst ether vlan mpls less " +
    "greater len not gateway eth0 tap9f3c vif0/1";
  for (const word of ["", ...words.split(" "), "x".repeat(100_000)]) {
    assert.equal(similarCommand(word), null, word);
  }
});
