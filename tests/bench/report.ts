/**
 * Writes what was measured as Markdown, and the goals for a terminal.
 *
 * Arguments: DIRECTORY FILE...: where RESULTS.md and its plots go, with a file reasons.json that says
 * why goals are missed, `{ "ID": "why" }`; and the files with what the parts reported. The goals go to
 * stdout.
 *
 * @module
 */

import { GOALS, judge, values, type Verdict, withShares } from "./goals.ts";
import { growth } from "./growth.ts";
import { collect, median, type Results } from "./samples.ts";

/** Folder of the plots, beside the report. */
const PLOTS = "plots";

/** What the tracers of the table are. */
const CONTENDERS: readonly (readonly [string, string])[] = [
  ["vrft", "vrft, entry and exit"],
  ["peer-empty", "empty kprobe.session program, the same functions, entry and exit"],
  [
    "peer-record",
    "C with libbpf and a ring of 64 MB, the same functions, entry and exit, no filter",
  ],
  ["function_graph", "ftrace's function_graph by trace-cmd, the same functions, no filter"],
  ["bpftrace", "bpftrace, functions with skb in their names, entry alone"],
  ["pwru", "pwru `icmp`, kernel functions, entry alone"],
  ["peer-reject", "C, kprobe.session that reads the packet's interface and refuses it"],
];

/**
 * The cases of tests/vm/instructions.sh: what each took before packets had identities and filters and
 * each CPU its ring (vrft ef297f7ce789), if there was such a case, and the goal, as a share of another.
 */
const INSTRUCTIONS: readonly {
  readonly name: string;
  readonly before?: number;
  readonly goal?: { readonly most: number; readonly of: string };
}[] = [
  { name: "untraced", before: 26 },
  { name: "empty session program", before: 163 },
  { name: "every packet", before: 198, goal: { most: 1.1, of: "empty session program" } },
  { name: "none, by interface", before: 132 },
  { name: "one in 100" },
  { name: "icmp: all match", goal: { most: 1.06, of: "every packet" } },
  { name: "tcp port 9: none matches", goal: { most: 1.15, of: "none, by interface" } },
  { name: "--inner icmp: none matches", goal: { most: 1.15, of: "none, by interface" } },
  { name: "--vif tap1: all match" },
  { name: "--vif fab0: none matches" },
  { name: "--vrf 0: all match" },
  { name: "--vrf 7: none matches" },
  { name: "--nh, 16 of them: all match" },
  { name: "--nh 0: none matches" },
  { name: "--vni 5: none matches" },
];

/** Backends of which the instructions on Linux 7.3 are counted, and the cases. */
const NEW_BACKENDS = ["trampoline", "session"];
const NEW_CASES = ["every packet", "none, by interface", "tcp port 9: none matches"];

/** A number with as many digits as mean something. */
function figure(value: number): string {
  if (value === 0 || value === 100) return `${value}`;
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** Median, least and most. */
function spreadOf(list: readonly number[]): string {
  if (list.length === 0) return "–";
  const [middle, least, most] = [median(list), Math.min(...list), Math.max(...list)].map(figure);
  return list.length === 1 ? `${middle} (once)` : `${middle} (${least}–${most})`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

function goalCells({ goal, ours, theirs, ratio, verdict, also }: Verdict): string[] {
  const against = goal.against === undefined ? "–" : `${goal.against}: ${spreadOf(theirs)}`;
  const ratioText = ratio === null || goal.theirs === undefined ? "–" : figure(ratio);
  const text = also === null ? verdict : `${verdict}: ${also}`;
  return [goal.what, goal.unit, spreadOf(ours), against, ratioText, goal.goal, text];
}

const GOAL_HEAD = ["what", "unit", "vrft", "against", "ratio", "goal", ""];

function missed(verdicts: readonly Verdict[], reasons: Readonly<Record<string, string>>): string {
  const lines = verdicts.filter(({ verdict }) => verdict === "missed").map(({ goal }) =>
    `- ${goal.what}: ${reasons[goal.id] ?? "the reason has not been measured yet"}`
  );
  return lines.length === 0 ? "" : `## Missed, and why\n\n${lines.join("\n")}\n`;
}

function contenders(results: Results): string {
  const rows = CONTENDERS.map(([name, what]) => [
    what,
    ...["slowdown", "reject", "share", "start", "stop", "memory"].map((key) =>
      spreadOf(values(results, `${key}/${name}`))
    ),
  ]);
  const head = [
    "",
    "slowdown of a flood, ×",
    "nothing matches, ×",
    "events kept, %",
    "start, s",
    "stop, s",
    "memory, MiB",
  ];
  return tableOf(head, rows);
}

/** The table of instructions; empty if they were not counted. */
function instructionsSection(results: Results): string {
  const counted = (name: string): number | null => {
    const list = values(results, `instructions/${name}`);
    return list.length === 0 ? null : median(list);
  };
  const rows = INSTRUCTIONS.map(({ name, before, goal }) => {
    const now = counted(name);
    const base = goal === undefined ? null : counted(goal.of);
    const ratio = now === null || base === null ? null : now / base;
    const wanted = goal === undefined ? "" : `${goal.most} × ${goal.of} at most`;
    return [
      name,
      before === undefined ? "–" : `${before}`,
      now === null ? "–" : `${now}`,
      ratio === null ? "" : ratio.toFixed(2),
      wanted,
      ratio === null ? "" : ratio <= goal!.most ? "reached" : "missed",
    ];
  });
  if (rows.every(([, , now]) => now === "–")) return "";
  const table = tableOf(["traced", "before", "instructions", "ratio", "goal", ""], rows);
  return `## Instructions of a round trip

In thousands, as tests/vm/instructions.sh counts them on Linux 6.12 with session, whatever else the
machine does; "before" is before there were identities, filters and a ring for each CPU. A packet that
may still meet a condition is recorded, and user space leaves it out: conditions that no packet meets
cost what recording costs.

${table}

`;
}

/** The table of instructions by backend; empty if they were not counted. */
function backendsSection(results: Results): string {
  const counted = (name: string): string => {
    const list = values(results, `instructions-7.3/${name}`);
    return list.length === 0 ? "–" : `${median(list)}`;
  };
  const rows = NEW_CASES.map((what) => [
    what,
    ...NEW_BACKENDS.map((backend) => counted(`${backend}: ${what}`)),
  ]);
  if (rows.every(([, ...cells]) => cells.every((cell) => cell === "–"))) return "";
  return `## Instructions by backend

Of a round trip on Linux 7.3, in thousands: ${counted("untraced")} untraced, ${
    counted("empty session program")
  } with a
kprobe.session program that does nothing at the same functions.

${tableOf(["traced", ...NEW_BACKENDS], rows)}

`;
}

/** The tracers of tests/vm/drop_cost.sh, and what they are there. */
const DROP_TRACERS: readonly (readonly [string, string])[] = [
  ["untraced", "untraced"],
  ["vrft drops", "vrft drops --lines"],
  ["bpftrace", "bpftrace, tracepoint skb:kfree_skb, counts by reason and place"],
  ["pwru", "pwru with a filter that only the dropped packets match"],
];
const DROP_KERNELS = ["5.10", "6.1", "6.12"];

/** The tables of the cost of drops; empty if it was not measured. */
function dropsSection(results: Results): string {
  const measured = (key: string): number | null => {
    const list = values(results, key);
    return list.length === 0 ? null : median(list);
  };
  const cells = (what: string, tracer: string): string[] => {
    const now = measured(`drop-cost/${what}/${tracer}`);
    const base = measured(`drop-cost/${what}/untraced`);
    return now === null ? ["–", "–"] : [figure(now), base === null ? "–" : (now / base).toFixed(3)];
  };
  if (measured("drop-cost/drops/untraced") === null) return "";
  const costs = DROP_TRACERS.map(([tracer, what]) => {
    const start = measured(`drop-cost/start/${tracer}`);
    const floods = [...cells("no drops", tracer), ...cells("drops", tracer)];
    return [what, start === null ? "–" : figure(start), ...floods];
  });
  const head = ["", "start", "nothing dropped", "×", "each dropped", "×"];
  const starts = DROP_KERNELS.map((kernel) => [
    kernel,
    ...["vrft --version", "vrft drops"].map((what) => {
      const seconds = measured(`drop-start/${kernel}/start/${what}`);
      return seconds === null ? "–" : figure(seconds);
    }),
  ]);
  return `## Drops

Thousands of instructions on Linux 6.12, as tests/vm/drop_cost.sh counts them: of a round trip in a
flood ping of which nothing is dropped (goal: 1.05 at most), and of a packet of a burst of which all are
dropped for a MAC address that nobody has. The start is until all probes are live, in seconds of a clock
that advances by a nanosecond for each instruction.

${tableOf(head, costs)}

From the start of the program until it has printed its version, and until \`vrft drops\` is live, in
seconds, emulated:

${tableOf(["kernel", "vrft --version", "vrft drops"], starts)}

`;
}

/** The starts of tests/vm/start_cost.sh and native/start.sh, by the ends of their keys. */
const STARTS: readonly (readonly [string, string, string])[] = [
  ["vrft, the first start", "start-cost/first/vrft", ""],
  ["vrft, with nothing kept of the kernel", "start-cost/nothing kept/vrft", "start-cpu-cold/vrft"],
  ["vrft, later", "start-cost/later/vrft", "start-cpu/vrft"],
  ["pwru", "start-cost/later/pwru", "start-cpu/pwru"],
];

/** The table of starts; empty if they were not measured. */
function startsSection(results: Results): string {
  const measured = (key: string): string => {
    const list = values(results, key);
    return list.length === 0 ? "–" : figure(median(list));
  };
  const rows = STARTS.map(([what, ...keys]) => [what, ...keys.map(measured)]);
  if (rows.every(([, ...cells]) => cells.every((cell) => cell === "–"))) return "";
  return `## Starts

From exec until all probes are live on Linux 6.12, in seconds of a clock that advances by a nanosecond for
each instruction (tests/vm/start_cost.sh); and natively, milliseconds of CPU time from exec to the list of
functions, and of pwru to its first attempt to attach (native/start.sh):

${tableOf(["", "instructions", "native"], rows)}

`;
}

/** The ways to trace of tests/vm/packet_cost.sh. */
const PACKET_TRACES: readonly string[] = [
  "untraced",
  "vrft packets",
  "vrft packets, filter that matches nothing",
  "vrft packets --calls",
];

/** The table of the cost of packets; empty if it was not measured. */
function packetsSection(results: Results): string {
  const measured = (key: string): number | null => {
    const list = values(results, `packet-cost/${key}`);
    return list.length === 0 ? null : median(list);
  };
  const base = measured("untraced");
  if (base === null) return "";
  const rows = PACKET_TRACES.map((name) => {
    const seconds = ["start", "end", "cut"].map((what) => measured(`${what}/${name}`));
    const now = measured(name);
    return [
      name,
      ...seconds.map((one) => one === null ? "–" : figure(one)),
      now === null ? "–" : figure(now),
      now === null ? "–" : (now / base).toFixed(2),
    ];
  });
  return `## Packets

Thousands of instructions of a round trip in a flood ping on Linux 6.12, as tests/vm/packet_cost.sh
counts them (goal: 1.5 at most with the small set). And seconds of a clock that advances by a nanosecond
for each instruction: until all probes are live; from Ctrl-C until the kernel has detached all of them
and vrft has ended; and with a second Ctrl-C after half a second, which ends that wait.

${tableOf(["", "start", "end", "cut", "instructions", "×"], rows)}

`;
}

/** The tables and links of the section on growth. */
function growthSection(results: Results): string {
  const sections = growth(results).map(({ dimension, title, panels, summary }) => {
    const columns = [...new Set(panels.flatMap(({ points }) => points.map(({ x }) => x)))];
    const rows = columns.sort((a, b) => a - b).map((x) => [
      x.toLocaleString("en-US"),
      ...panels.map(({ points }) => {
        const point = points.find((one) => one.x === x);
        if (point === undefined) return "–";
        const { y, least, most } = point;
        return least === most ? figure(y) : `${figure(y)} (${figure(least)}–${figure(most)})`;
      }),
    ]);
    const table = tableOf([dimension, ...panels.map((panel) => panel.title)], rows);
    return `### ${title}\n\n${table}\n\n${summary}\n\n![${title}](${PLOTS}/${dimension}.svg)\n`;
  });
  return sections.length === 0 ? "" : `## Growth\n\n${sections.join("\n")}\n`;
}

/** Everything else that was measured, by key: nothing is kept back. */
function allValues(results: Results): string {
  const rows = [...results.samples].filter(([key, { values }]) =>
    values.length > 0 && !key.startsWith("growth/")
  )
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([key, sample]) => [
      key,
      `${sample.values.length}`,
      spreadOf(sample.values),
      [...sample.commands.map((command) => `\`${command}\``), ...sample.notes].join("; "),
    ]);
  return tableOf(["key", "n", "median (least–most)", "by"], rows);
}

function problems(results: Results): string {
  const lines = [...results.samples].flatMap(([key, sample]) =>
    sample.problems.map((problem) => `- ${key}: ${problem}`)
  );
  return lines.length === 0 ? "Nothing." : lines.join("\n");
}

function facts(results: Results): string {
  return tableOf(["", ""], [...results.facts].map(([fact, text]) => [fact, text]));
}

function markdown(results: Results, reasons: Readonly<Record<string, string>>): string {
  const verdicts = GOALS.map((goal) => judge(goal, results));
  const took = results.parts.map(({ part, seconds }) => `${part} ${Math.round(seconds)} s`);
  return `# What vrft costs, beside its peers

Written by \`scripts/bench\`. Guests run in QEMU without hardware acceleration, so that only ratios
travel. Figures are medians, with the least and the most in brackets. A slowdown is the duration of a
round trip in a flood ping from vm1 to vm2, over the median of the untraced floods so far in the same
guest; as for growth, over that of an untraced flood right before.

${facts(results)}

## Goals

${tableOf(GOAL_HEAD, verdicts.map(goalCells))}

${missed(verdicts, reasons)}
## Side by side

${contenders(results)}

What each tracer attaches to differs, and so do its events: vrft records both ends of the calls whose
packets belong to the vifs; our own peers and function_graph both ends of all calls of the same
functions; pwru and bpftrace entries, of functions of their own choice. Events kept: vrft, our own peer
and function_graph count what they lose. What pwru and bpftrace should have printed is how often their
programs run in a round trip, by the kernel's BPF statistics in a trace of its own, times the round
trips.

Without FPROBE, vrft's times are those of the whole program, from its start until all probes are live
and from Ctrl-C until it is gone; one perf kprobe for each function is timed while attaching and
detaching alone, for some functions, and scaled. That favours the peer. Discovery is timed from opening
the files to the list, in a process that has just started; \`discovery-process\` has Deno's start in it.

${startsSection(results)}${instructionsSection(results)}${backendsSection(results)}${
    dropsSection(results)
  }${packetsSection(results)}${growthSection(results)}## Could not be measured

${problems(results)}

## Every figure

Slowdowns are ratios, starts, stops and phases seconds, \`untraced\` microseconds for a round trip, \`ring-…\`
nanoseconds for an event, \`rate\`, \`record\` and \`replay\` millions of events a second, \`record-bytes\` bytes an event, \`discovery\` milliseconds, \`memory\`
MiB, \`accounted\` percent of the runs of
programs that became an event, \`kept\` and \`lost\` events of three floods
(\`trampoline-floods\`: of four side by side), \`runs\` runs of programs in a round trip,
\`instructions\` thousands in a round trip, \`packet-cost\` likewise, \`drop-cost\` likewise or for a packet, but
both seconds to \`start\`, to \`end\` and to end at once (\`cut\`). \`start-cost\` is seconds of a clock that
advances by a nanosecond for each instruction, \`start-cpu\` milliseconds of CPU time.

${allValues(results)}

${took.length === 0 ? "" : `It took: ${took.join(", ")}.\n`}`;
}

const MARKS = { reached: "reached", missed: "MISSED", "not measured": "unknown" } as const;

function terminal(results: Results): string {
  return GOALS.map((goal) => judge(goal, results)).map((verdict) => {
    const [what, unit, ours, , ratio, wanted] = goalCells(verdict);
    const mark = MARKS[verdict.verdict].padEnd(7);
    return `${mark}  ${what}: ${ours} ${unit}; ratio ${ratio}; goal ${wanted}`;
  }).join("\n");
}

if (import.meta.main) {
  const [directory, ...files] = Deno.args;
  const reasons = JSON.parse(Deno.readTextFileSync(`${directory}/reasons.json`));
  const text = files.map((file) => Deno.readTextFileSync(file)).join("\n");
  const results = withShares(collect(text));
  for (const { dimension, svg } of growth(results)) {
    Deno.mkdirSync(`${directory}/${PLOTS}`, { recursive: true });
    Deno.writeTextFileSync(`${directory}/${PLOTS}/${dimension}.svg`, svg);
  }
  Deno.writeTextFileSync(`${directory}/RESULTS.md`, `${markdown(results, reasons).trimEnd()}\n`);
  console.log(terminal(results));
}
