import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/program.ts";

/** What a bad command line prints; the last line points to the help. */
const MISUSES: readonly [args: string[], message: string, see?: string][] = [
  // Values
  [
    ["-n", "abc"],
    `Option '-n, --limit <N>' does not accept "abc": give a whole number from 1, such as 400`,
  ],
  [
    ["-n", "0"],
    `Option '-n, --limit <N>' does not accept "0": give a whole number from 1, such as 400`,
  ],
  [
    ["-n", "-5"],
    `Option '-n, --limit <N>' does not accept "-5": give a whole number from 1, such as 400`,
  ],
  [
    ["-n-5"],
    `Option '-n, --limit <N>' does not accept "-5": give a whole number from 1, such as 400`,
  ],
  [
    ["--limit=NaN"],
    `Option '-n, --limit <N>' does not accept "NaN": give a whole number from 1, such as 400`,
  ],
  [
    ["--limit="],
    `Option '-n, --limit <N>' does not accept "": give a whole number from 1, such as 400`,
  ],
  [
    ["--sample", "0"],
    `Option '--sample <N>' does not accept "0": give a whole number from 1 to 4294967295, such as 100`,
  ],
  [
    ["--vrf", "65535"],
    `Option '--vrf <N>' does not accept "65535": give a whole number from 0 to 65534`,
  ],
  [
    ["--label", "1048576"],
    `Option '--label <N>' does not accept "1048576": give a whole number from 0 to 1048575`,
  ],
  [
    ["--vni", "-1"],
    `Option '--vni <N>' does not accept "-1": give a whole number from 0 to 16777215`,
  ],
  [
    ["--nh", "0x1"],
    `Option '--nh <N>' does not accept "0x1": give a whole number from 0 to 2147483647`,
  ],
  [
    ["--show", "duration,result"],
    `Option '--show <LIST>' does not accept "duration,result": give some of duration, return, packet, vif, nh, separated by commas`,
  ],
  [
    ["--show", ""],
    `Option '--show <LIST>' does not accept "": give some of duration, return, packet, vif, nh, separated by commas`,
  ],
  [["--plain", "--show", "vif"], "Options '--plain' and '--show' exclude each other: drop one"],
  [
    ["--no-vrouter", "--show", "return,nh"],
    "Option '--no-vrouter' cannot be used with '--show nh'",
  ],
  [["--vif", ""], `Option '--vif <VIF>' does not accept "": it must not be empty`],
  [
    Array.from({ length: 17 }, (_, vrf) => `--vrf=${vrf}`),
    "Option '--vrf' can be given at most 16 times, not 17",
  ],
  [
    ["--no-vrouter", "--vni", "5"],
    "Options '--no-vrouter' and '--vni' exclude each other: drop one",
  ],
  [
    ["--duration", "0"],
    `Option '--duration <TIME>' does not accept "0": give a time from 1ms to 596h, such as 500ms, 10s or 2m`,
  ],
  [
    ["--max-overhead", "half"],
    `Option '--max-overhead <PERCENT>' does not accept "half": give a percentage of one CPU above 0, such as 50, 12.5 or 200%`,
  ],
  [
    ["--buffer", "2G"],
    `Option '--buffer <SIZE>' does not accept "2G": give a size from 4k to 1G, such as 64M, 8MiB or 65536`,
  ],
  [
    ["--backend", "sesion"],
    `Option '--backend <BACKEND>' does not accept "sesion": give one of auto, trampoline, session, multi, kprobe`,
  ],
  [["-i", ""], `Option '-i, --interface <NAME>' does not accept "": it must not be empty`],
  [["-f", ""], `Option '-f, --function <GLOB>' does not accept "": it must not be empty`],
  [
    ["-x", "a["],
    `Option '-x, --exclude <GLOB>' does not accept "a[": give a name with *, ?, [a-z] or [!a-z], such as 'vr_*'`,
  ],
  [["--kernel-btf="], `Option '--kernel-btf <FILE>' does not accept "": it must not be empty`],
  [["--vrouter-btf="], `Option '--vrouter-btf <FILE>' does not accept "": it must not be empty`],
  [["-o", ""], `Option '-o, --output <FILE>' does not accept "": it must not be empty`],
  [["--ready-file", ""], `Option '--ready-file <FILE>' does not accept "": it must not be empty`],
  [
    ["-n", "\x1b[2J\u009b\n"],
    `Option '-n, --limit <N>' does not accept "\\u001b[2J\\x9b\\n": give a whole number from 1, such as 400`,
  ],
  // Missing values
  [["-n"], "Option '-n, --limit <N>' needs a value"],
  [["-i", "-n", "5"], "Option '-i, --interface <NAME>' needs a value, but option '-n' follows"],
  [["-o", "--debug"], "Option '-o, --output <FILE>' needs a value, but option '--debug' follows"],
  [
    ["-f", "--limit=5"],
    "Option '-f, --function <GLOB>' needs a value, but option '--limit' follows",
  ],
  // Unknown words
  [["--lmit", "5"], "Unknown option '--lmit' (did you mean --limit?)"],
  [["--debug=yes"], "Option '--debug' takes no value"],
  [["--nonsense"], "Unknown option '--nonsense'"],
  [["-q"], "Option '-q' belongs to 'vrft packets', not to 'vrft'"],
  [["--\x1b[2J"], "Unknown option '--\\x1b[2J'"],
  [["function", "--json"], "Unknown command 'function' (did you mean functions?)"],
  [["help", "interface"], "Unknown command 'interface' (did you mean interfaces?)"],
  [
    ["icmp", "--json"],
    `Option '--json' belongs to 'vrft drops', 'vrft packets', 'vrft diff', 'vrft info', 'vrft functions', 'vrft interfaces' and 'vrft check', not to 'vrft'`,
  ],
  [["icmp", "--lmit", "5"], "Unknown option '--lmit' (did you mean --limit?)"],
  [["--outer", ""], `Option '--outer <EXPR>' does not accept "": it must not be empty`],
  [["--inner", "--debug"], "Option '--inner <EXPR>' needs a value, but option '--debug' follows"],
  [["functions", "x"], `Unexpected argument "x" for 'vrft functions'`, "vrft functions"],
  [
    ["functions", "--", "--json"],
    `Unexpected argument "--json" for 'vrft functions'`,
    "vrft functions",
  ],
  [["interfaces", ""], `Unexpected argument "" for 'vrft interfaces'`, "vrft interfaces"],
  [
    ["completions", "bash", "zsh"],
    `Unexpected argument "zsh" for 'vrft completions'`,
    "vrft completions",
  ],
  [["completions"], "Missing required argument 'bash|zsh|fish'", "vrft completions"],
  [
    ["completions", "tcsh"],
    `'vrft completions' does not accept "tcsh": give one of bash, zsh, fish`,
    "vrft completions",
  ],
  // Options of other commands
  [
    ["-n", "5", "functions"],
    "Option '--limit' belongs to 'vrft', 'vrft drops', 'vrft packets', 'vrft diff' and 'vrft record', not to 'vrft functions'",
    "vrft functions",
  ],
  [
    ["functions", "-n5"],
    "Option '-n' belongs to 'vrft', 'vrft drops', 'vrft packets', 'vrft diff' and 'vrft record', not to 'vrft functions'",
    "vrft functions",
  ],
  [
    ["interfaces", "--limit=5"],
    "Option '--limit' belongs to 'vrft', 'vrft drops', 'vrft packets', 'vrft diff' and 'vrft record', not to 'vrft interfaces'",
    "vrft interfaces",
  ],
  [
    ["--debug", "completions", "bash"],
    "Option '--debug' belongs to 'vrft', 'vrft drops', 'vrft packets', 'vrft diff', 'vrft record', 'vrft export', 'vrft functions', 'vrft interfaces' and 'vrft check', not to 'vrft completions'",
    "vrft completions",
  ],
  [
    ["--json", "functions"],
    "Option '--json' belongs to 'vrft drops', 'vrft packets', 'vrft diff', 'vrft info', 'vrft functions', 'vrft interfaces' and 'vrft check', not to 'vrft'",
  ],
  [
    ["functions", "--version"],
    "Option '--version' belongs to 'vrft', not to 'vrft functions'",
    "vrft functions",
  ],
  // Contradictions
  [
    ["--no-vrouter", "--vrouter-btf", "x"],
    "Options '--no-vrouter' and '--vrouter-btf' cannot be used together",
  ],
  [
    ["--no-vrouter", "--netns", "x"],
    "Options '--no-vrouter' and '--netns' exclude each other: drop one",
  ],
  [
    ["--no-vrouter", "functions", "--vrouter-btf", "x"],
    "Options '--no-vrouter' and '--vrouter-btf' cannot be used together",
    "vrft functions",
  ],
  [
    ["check", "--vrouter-btf", "x", "--no-vrouter"],
    "Options '--no-vrouter' and '--vrouter-btf' cannot be used together",
    "vrft check",
  ],
  [
    ["drops", "--lines", "--json"],
    "Options '--lines' and '--json' exclude each other: drop one",
    "vrft drops",
  ],
  [
    ["drops", "icmp", "--path", "--hints"],
    "Options '--path' and '--hints' exclude each other: drop one",
    "vrft drops",
  ],
  [
    ["drops", "--path", "--listen", "9467"],
    "Options '--path' and '--listen' exclude each other: drop one",
    "vrft drops",
  ],
  [
    ["drops", "--listen", ":9467"],
    `Option '--listen <HOST:PORT>' does not accept ":9467": give an address and a port, such as ` +
    "127.0.0.1:9467 or [::1]:9467, or 0.0.0.0:9467 for all of this machine",
    "vrft drops",
  ],
  [
    ["drops", "--textfile", "a.txt"],
    `Option '--textfile <FILE>' does not accept "a.txt": give a file whose name ends in .prom: ` +
    "node_exporter reads no other",
    "vrft drops",
  ],
  [
    ["drops", "--from", "a.vrft", "--textfile", "a.prom"],
    "Option '--textfile' cannot be used with '--from': metrics are of a trace that runs",
    "vrft drops",
  ],
  [
    ["drops", "--path", "--interval", "1s"],
    "Options '--path' and '--interval' exclude each other: drop one",
    "vrft drops",
  ],
  [
    ["drops", "--path", "--otlp", "http://a"],
    "Options '--path' and '--otlp' exclude each other: drop one",
    "vrft drops",
  ],
  [
    ["drops", "--otlp", "127.0.0.1:4318"],
    `Option '--otlp <URL>' does not accept "127.0.0.1:4318": give an address of HTTP, such as http://127.0.0.1:4318`,
    "vrft drops",
  ],
  [
    ["packets", "--otlp", "http://a:b@c"],
    `Option '--otlp <URL>' does not accept "http://a:b@c": leave out the password, and set OTEL_EXPORTER_OTLP_HEADERS`,
    "vrft packets",
  ],
  [
    ["packets", "--agent", "http://127.0.0.1:8085"],
    "Option '--agent' needs '--otlp URL': names are in what is sent",
    "vrft packets",
  ],
  [
    ["drops", "--from", "a.vrft", "--otlp", "http://a", "--agent", "http://b"],
    "Option '--agent' cannot be used with '--from': vifs are others now",
    "vrft drops",
  ],
  [
    ["drops", "--otlp", "http://a", "--agent", "http://b/?x=1"],
    `Option '--agent <URL>' does not accept "http://b/?x=1": give an address of HTTP, such as http://127.0.0.1:8085`,
    "vrft drops",
  ],
  [
    ["drops", "--otlp", "http://a", "--agent", "http://c:d@b"],
    `Option '--agent <URL>' does not accept "http://c:d@b": leave out the password: the agent knows certificates alone`,
    "vrft drops",
  ],
  [
    ["packets", "--otlp-sample", "10"],
    "Option '--otlp-sample' needs '--otlp URL': it says which packets to send",
    "vrft packets",
  ],
  [
    ["drops", "--path", "--json"],
    "Options '--path' and '--json' exclude each other: drop one",
    "vrft drops",
  ],
  [
    ["drops", "--backend", "multi"],
    "Option '--backend' needs '--path': drops alone are seen in one way",
    "vrft drops",
  ],
  [
    ["drops", "--no-vrouter", "--nh", "1"],
    "Options '--no-vrouter' and '--nh' exclude each other: drop one",
    "vrft drops",
  ],
  [
    ["packets", "--slower=100"],
    `Option '--slower <TIME>' does not accept "100": say in which unit: 100us, 2ms, 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--slower=1.5"],
    `Option '--slower <TIME>' does not accept "1.5": say in which unit: 100us, 2ms, 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--slower=0us"],
    `Option '--slower <TIME>' does not accept "0us": give a time from 1ns to 3600s, such as 100us, 2ms or 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--slower=5 ms"],
    `Option '--slower <TIME>' does not accept "5 ms": give a time from 1ns to 3600s, such as 100us, 2ms or 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--slower=5m"],
    `Option '--slower <TIME>' does not accept "5m": give a time from 1ns to 3600s, such as 100us, 2ms or 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--slower=-5ms"],
    `Option '--slower <TIME>' does not accept "-5ms": give a time from 1ns to 3600s, such as 100us, 2ms or 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--slower=2h"],
    `Option '--slower <TIME>' does not accept "2h": give a time from 1ns to 3600s, such as 100us, 2ms or 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--slower="],
    `Option '--slower <TIME>' does not accept "": give a time from 1ns to 3600s, such as 100us, 2ms or 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--stage=qdisc"],
    `Option '--stage <NAME:TIME>' does not accept "qdisc": give a stage and a time, such as qdisc:1ms`,
    "vrft packets",
  ],
  [
    ["packets", "--stage=queue:1ms"],
    `Option '--stage <NAME:TIME>' does not accept "queue:1ms": the stages are rx, rps-queue, gro, flow, hold, nexthop, encap, tx, qdisc`,
    "vrft packets",
  ],
  [
    ["packets", "--stage=:1ms"],
    `Option '--stage <NAME:TIME>' does not accept ":1ms": the stages are rx, rps-queue, gro, flow, hold, nexthop, encap, tx, qdisc`,
    "vrft packets",
  ],
  [
    ["packets", "--stage=qdisc:1"],
    `Option '--stage <NAME:TIME>' does not accept "qdisc:1": say in which unit: 100us, 2ms, 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--stage=qdisc:"],
    `Option '--stage <NAME:TIME>' does not accept "qdisc:": give a time from 1ns to 3600s, such as 100us, 2ms or 1s`,
    "vrft packets",
  ],
  [
    ["packets", "--sort", "time"],
    `Option '--sort <ORDER>' does not accept "time": give one of end, latency`,
    "vrft packets",
  ],
  [
    ["packets", "--by", "flow"],
    `Option '--by <WHAT>' does not accept "flow": give one of path`,
    "vrft packets",
  ],
  [
    ["packets", "--by", "path", "--sort", "latency"],
    `Options '--by' and '--sort' exclude each other: drop one`,
    "vrft packets",
  ],
  [
    ["packets", "--rare"],
    `Option '--rare' needs '--by path': it is an order of paths`,
    "vrft packets",
  ],
  [
    ["packets", "--show", "nh"],
    `Option '--show' needs '--calls': it says what to show of calls`,
    "vrft packets",
  ],
  [
    ["packets", "--calls", "--by=path"],
    `Options '--calls' and '--by' exclude each other: drop one`,
    "vrft packets",
  ],
  [
    ["packets", "--hints", "--by=path"],
    `Options '--hints' and '--by' exclude each other: drop one`,
    "vrft packets",
  ],
  [
    ["packets", "--backend", "multi"],
    `Option '--backend' needs '--calls': without them, packets are seen in one way`,
    "vrft packets",
  ],
  [
    ["packets", "--no-vrouter"],
    `Option '--no-vrouter' belongs to 'vrft', 'vrft drops', 'vrft record', 'vrft functions' and 'vrft check', not to 'vrft packets'`,
    "vrft packets",
  ],
  [
    ["--from", "a.vrft", "--backend", "multi"],
    "Option '--backend' cannot be used with '--from': it is about how a trace is recorded",
  ],
  [
    ["drops", "--from", "a.vrft", "--max-overhead", "50"],
    "Option '--max-overhead' cannot be used with '--from': it is about how a trace is recorded",
    "vrft drops",
  ],
  [
    ["packets", "--ready-file", "r", "--from", "a.vrft"],
    "Option '--ready-file' cannot be used with '--from': it is about how a trace is recorded",
    "vrft packets",
  ],
  [
    ["record", "--show", "packet,nh"],
    `Option '--show <LIST>' does not accept "packet,nh": give some of return, vif, nh, separated by commas`,
    "vrft record",
  ],
  [
    ["record", "--no-vrouter", "--show", "return,nh"],
    "Option '--no-vrouter' cannot be used with '--show nh'",
    "vrft record",
  ],
  [
    ["--format", "speedscope"],
    `Option '--format <FORMAT>' does not accept "speedscope": give one of text, json, pcapng, perfetto, events`,
  ],
  [
    ["drops", "--listen", "9467", "--hints"],
    "Option '--hints' needs '--lines', '--json' or '-o': no drops are printed",
    "vrft drops",
  ],
  [
    ["drops", "--no-vrouter", "--interval", "1s"],
    "Option '--interval' cannot be used with '--no-vrouter', but for '--textfile'",
    "vrft drops",
  ],
  [
    ["drops", "--otlp", "http://127.0.0.1:6000"],
    `Option '--otlp <URL>' does not accept "http://127.0.0.1:6000": port 6000 is that of another protocol: choose another one`,
    "vrft drops",
  ],
  [["--at", "drop"], "Option '--at' needs '--format pcapng': it is about packets"],
  [
    ["-n", "1"],
    "Option '--limit' needs 2 rows at least: a call has one where it returns, too",
  ],
  [["--plain", "--format", "json"], "Option '--plain' needs '--format text': it is about rows"],
  [
    ["--show", "return", "--format", "json"],
    "Option '--show' needs '--format text' or 'events': it is about rows",
  ],
  [
    ["--from", "a.vrft", "--format", "perfetto", "--show", "duration,packet"],
    "Option '--show' needs '--format text' or 'events': it is about rows",
  ],
  [
    ["export", "a.vrft"],
    "Option '--format' is missing: give one of text, json, pcapng, perfetto, speedscope, trace.dat, collapsed, html, otlp",
    "vrft export",
  ],
  [
    ["export", "a.vrft", "--format", "perfetto", "--calls"],
    "Option '--calls' needs '--format otlp': other formats have the calls anyway",
    "vrft export",
  ],
  [
    ["export", "a.vrft", "--format", "pcapng", "--at", "drop", "--at", "vr_forward"],
    "Option '--at drop' cannot be used with another '--at'",
    "vrft export",
  ],
  [
    ["export", "a.vrft", "--format", "json", "--link", "cooked"],
    "Option '--link' needs '--format pcapng': it is about packets",
    "vrft export",
  ],
  [
    ["record", "--rotate", "12"],
    `Option '--rotate <SIZE|TIME>' does not accept "12": give a size from 1M, such as 100M or 2G, or a time, such as 30s or 10m`,
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "--max-disk", "30s", "-o", "/tmp"],
    `Option '--max-disk <SIZE>' does not accept "30s": give a size from 1M, such as 100M or 2G`,
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "--max-disk", "1k", "-o", "/tmp"],
    `Option '--max-disk <SIZE>' does not accept "1k": give a size from 1M, such as 100M or 2G`,
    "vrft record",
  ],
  [
    ["record", "--ring", "60"],
    `Option '--ring <TIME|SIZE>' does not accept "60": give a size from 1M, such as 100M or 2G, or a time, such as 30s or 10m`,
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "--trigger", "slow 5ms"],
    `Option '--trigger <WHAT>' does not accept "slow 5ms": give drop, 'drop REASON', 'slower TIME' or loss`,
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "--trigger", "slower"],
    `Option '--trigger <WHAT>' does not accept "slower": say how slow: 'slower 5ms'`,
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "--trigger", "slower 5"],
    `Option '--trigger <WHAT>' does not accept "slower 5": say in which unit: 100us, 2ms, 1s`,
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "-o", "d", "--max-disk", "10s"],
    `Option '--max-disk <SIZE>' does not accept "10s": give a size from 1M, such as 100M or 2G`,
    "vrft record",
  ],
  [
    ["record", "--ring", "60s"],
    "Option '--ring' needs '--output DIR': each recording is a file of its own",
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "-o", "d", "--rotate", "10M"],
    "Options '--ring' and '--rotate' exclude each other: drop one",
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "-o", "d", "-n", "10"],
    "Options '--ring' and '--limit' exclude each other: drop one",
    "vrft record",
  ],
  [
    ["record", "-o", "d", "--trigger", "drop"],
    "Option '--trigger' needs '--ring': without it, all is written",
    "vrft record",
  ],
  [
    ["record", "-o", "d", "--otlp", "http://127.0.0.1:4318"],
    "Option '--otlp' needs '--ring': without it, all is written",
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "-o", "d", "--otlp", "http://127.0.0.1:4318"],
    "Option '--otlp' needs '--trigger drop' or 'slower TIME': it sends what is such a trigger",
    "vrft record",
  ],
  [
    ["record", "-o", "d", "--max-disk", "10M"],
    "Option '--max-disk' needs '--ring': without it, all is written",
    "vrft record",
  ],
  [
    ["record", "--ring", "60s", "-o", "d", "--before", "2m"],
    "Option '--before' asks for more than '--ring' keeps",
    "vrft record",
  ],
  [
    ["record", "--ring", "10s", "-o", "d", "--trigger", "slower 11s"],
    "A packet that takes longer than '--ring' keeps cannot be recorded",
    "vrft record",
  ],
  [
    ["record", "--rotate", "10M"],
    "Option '--rotate' needs '--output FILE': stdout is one file",
    "vrft record",
  ],
  [
    ["record", "-o", "a.vrft", "--keep", "2"],
    "Option '--keep' needs '--rotate' or '--ring': otherwise there is one file",
    "vrft record",
  ],
  [["info"], "Missing required argument 'FILE'", "vrft info"],
  [
    ["diff"],
    `Missing required argument 'EXPR'`,
    "vrft diff",
  ],
  [
    ["diff", "icmp"],
    `Missing required argument 'EXPR'`,
    "vrft diff",
  ],
  [
    ["diff", "host", "10.1.1.7", "tcp"],
    `Unexpected argument "tcp" for 'vrft diff': it takes 2, so quote what has blanks`,
    "vrft diff",
  ],
  [
    ["diff", "icmp", ""],
    `'vrft diff' does not accept "": it must not be empty`,
    "vrft diff",
  ],
  [
    ["diff", "--slower", "1ms", "icmp", "tcp"],
    `Option '--slower' belongs to 'vrft packets', not to 'vrft diff'`,
    "vrft diff",
  ],
  [
    ["drops", "--sample", "2"],
    "Option '--sample' belongs to 'vrft' and 'vrft record', not to 'vrft drops'",
    "vrft drops",
  ],
  [
    ["check", "-n", "5"],
    "Option '-n' belongs to 'vrft', 'vrft drops', 'vrft packets', 'vrft diff' and 'vrft record', not to 'vrft check'",
    "vrft check",
  ],
  [
    ["--no-vrouter", "-i", "eth0", "-i", "vif0/1"],
    `Option '--no-vrouter' cannot be used with a vif such as "vif0/1"`,
  ],
];

for (const [args, message, see = "vrft"] of MISUSES) {
  Deno.test(`parseArguments() rejects ${JSON.stringify(args)}`, () => {
    assert.deepEqual(parseArguments(args, "1.2.3"), {
      command: "misuse",
      text: `${message}\nSee '${see} --help'\n`,
    });
  });
}
