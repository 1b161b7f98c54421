import assert from "node:assert/strict";
import { cellsOf } from "../../../src/output/cells.ts";
import { layout } from "../../../src/output/drops/table_layout.ts";
import { GROUPINGS, KEY_HELP, TableState } from "../../../src/output/drops/table_state.ts";
import { DISCARDS, drop, FLOW_ACTION_DROP, SECOND, WORDS } from "../../support/drops.ts";

const SIZE = { columns: 120, rows: 24 };

function filled(count: number = 3): TableState {
  const state = new TableState(0n);
  for (let index = 0; index < count; index++) {
    for (let times = index; times < count; times++) {
      state.add(drop({ vif: { index, device: `tap${index}` } }), `10.0.0.${index} > 10.1.1.6 icmp`);
    }
  }
  return state;
}

function textOf(state: TableState, size = SIZE, now = SECOND): string[] {
  return layout(state, WORDS, size, now).map(({ text }) => text.trimEnd());
}

Deno.test("the table has a line for each group, the fastest first", () => {
  const lines = textOf(filled());
  assert.equal(lines.length, SIZE.rows);
  assert.equal(lines[0], "vrft drops: 6 lost, 0 by policy, by rate");
  assert.equal(lines[1], "RATE/s  COUNT  LAST          REASON    CAUSE  VIF          FLOW");
  assert.equal(
    lines[2],
    "   3.0      3  00:00:01.000  Discards         vif0/0 tap0  10.0.0.0 > 10.1.1.6 icmp",
  );
  assert.match(lines[4]!, /^ {3}1\.0 {6}1 .* vif0\/2 tap2 /);
  assert.equal(lines.at(-1), "s sort  g group  f freeze  e expand  ? help  q quit");
});

Deno.test("keys sort, group, freeze, expand, help and quit", () => {
  const state = filled();
  const press = (key: string): unknown => state.key(key, SECOND);
  press("s");
  assert.match(textOf(state)[0]!, /by count$/);
  for (const grouping of GROUPINGS.slice(1)) {
    press("g");
    const titles = grouping.map((key) => key.toUpperCase()).join(" +");
    assert.match(textOf(state)[1]!, new RegExp(`LAST +${titles}$`));
  }
  press("g");
  press("f");
  state.add(drop({ reason: FLOW_ACTION_DROP }), "later");
  assert.match(textOf(state)[0]!, /\(frozen\)$/);
  assert.doesNotMatch(textOf(state).join("\n"), /later/);
  press(" ");
  assert.match(textOf(state).join("\n"), /later/);
  press("?");
  for (const [key, text] of KEY_HELP) {
    assert.ok(textOf(state).some((l) => l.startsWith(key) && l.includes(text)));
  }
  press("?");
  assert.equal(press("x"), false);
  assert.equal(press("q"), "quit");
});

Deno.test("an expanded group shows its latest drop, and stays selected when others overtake it", () => {
  const state = filled();
  state.key("j", SECOND);
  state.key("enter", SECOND);
  const selected = (): string =>
    layout(state, WORDS, SIZE, SECOND).find(({ style }) => style === "selected")!.text;
  assert.match(selected(), /tap1/);
  const lines = textOf(state);
  assert.match(lines[3]!, /tap1/);
  assert.match(
    lines[4]!,
    /^ {4}00:00:01\.000 {2}VRF 2 {2}10\.1\.1\.5 > 10\.1\.1\.6 icmp echo request/,
  );
  for (let times = 0; times < 9; times++) {
    state.add(drop({ vif: { index: 2, device: "tap2" } }), "10.0.0.2 > 10.1.1.6 icmp");
  }
  assert.match(textOf(state)[2]!, /tap2/);
  assert.match(selected(), /tap1/);
  state.key("e", SECOND);
  assert.doesNotMatch(textOf(state).join("\n"), /VRF/);
});

Deno.test("the selected group is on the screen, however many there are", () => {
  const state = filled(60);
  for (const key of ["end", "home", "page down", "down", "page up"]) {
    state.key(key, SECOND);
    state.key("e", SECOND);
    const styles = layout(state, WORDS, { columns: 100, rows: 12 }, SECOND).map(({ style }) =>
      style
    );
    assert.ok(styles.includes("selected"), key);
  }
});

Deno.test("the table is never wider or higher than the terminal, whatever the names", () => {
  const state = new TableState(0n);
  const names = [
    "tap0",
    "网卡网卡网卡网卡",
    "\x1b[2J\x1b[H",
    "\u202eevil",
    "x".repeat(300),
    "🦆🦆🦆",
  ];
  names.forEach((device, index) => {
    state.add(drop({ vif: { index, device }, cause: device, stack: [device] }), device);
  });
  for (const key of ["", "e", "j", "e", "g", "e", "?", "?", "f"]) {
    state.key(key, SECOND);
    state.message = key === "j" ? names.join("") : "";
    for (const columns of [1, 2, 7, 20, 40, 80, 300]) {
      for (const rows of [1, 2, 3, 4, 5, 10, 50]) {
        const lines = layout(state, WORDS, { columns, rows }, SECOND);
        assert.ok(lines.length <= rows, `${lines.length} lines in ${rows}`);
        for (const { text } of lines) {
          assert.ok(cellsOf(text) <= columns, `${text} in ${columns}`);
          assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u);
        }
      }
    }
  }
});

Deno.test("where there is little room, the widest columns give", () => {
  const state = new TableState(0n);
  state.add(drop({ cause: "hold limit" }), "10.1.1.5 > 10.1.1.6 tcp 40112 > 443".repeat(3));
  const [, titles, row] = textOf(state, { columns: 90, rows: 10 });
  assert.match(titles!, /REASON .*CAUSE .*VIF .*FLOW$/);
  assert.match(row!, /Discards .*hold limit .*vif0\/4 tap.*…$/);
});

Deno.test("in 80 columns the time gives way to the flow, which gets the most room", () => {
  const state = new TableState(0n);
  state.add(
    drop({ cause: "tunnel back to its source", reason: { ...DISCARDS, label: "Packet Loop" } }),
    "172.16.0.2 > 172.16.0.1 VXLAN VNI 5001 | 10.1.1.9 > 10.1.1.1 udp 4100 > 9",
  );
  const [, titles, row] = textOf(state, { columns: 79, rows: 10 });
  assert.match(titles!, /^RATE\/s {2}COUNT {2}REASON +CAUSE +VIF +FLOW$/);
  assert.match(row!, /172\.16\.0\.2 > 172\.16\.0\.1…$/);
});

Deno.test("what is expanded is wrapped between words", () => {
  const state = new TableState(0n);
  const stack = ["vr_flow_action_default", "vr_flow_lookup", "vr_inet_flow_lookup"];
  state.add(drop({ stack }), "a flow");
  state.key("e", SECOND);
  const lines = textOf(state, { columns: 60, rows: 12 });
  assert.deepEqual(lines.slice(3, 7), [
    "    00:00:01.000  VRF 2  10.1.1.5 > 10.1.1.6 icmp echo",
    "        request, 98 bytes",
    "    at vr_flow_action_default < vr_flow_lookup <",
    "        vr_inet_flow_lookup",
  ]);
});
