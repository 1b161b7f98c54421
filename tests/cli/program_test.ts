import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type {
  DiffOptions,
  DropsOptions,
  Invocation,
  PacketsOptions,
  RecordOptions,
  TraceOptions,
} from "../../src/cli/invocation.ts";
import { parseArguments } from "../../src/cli/program.ts";

const NO_CONDITIONS = { vif: [], vrf: [], nh: [], label: [], vni: [] };
const NO_FILTERS = { any: null, outer: null, inner: null };

const DEFAULTS: TraceOptions = {
  kernelBtf: null,
  vrouterBtf: null,
  vrouter: true,
  functions: [],
  excludes: [],
  from: null,
  sightings: { at: "all", functions: [], cooked: false },
  interfaces: [],
  filters: NO_FILTERS,
  netns: null,
  sample: 1,
  backend: "auto",
  limit: null,
  durationMs: null,
  maxOverhead: null,
  conditions: NO_CONDITIONS,
  bufferBytes: 64 * 1024 * 1024,
  output: null,
  format: "text",
  plain: false,
  show: [],
  color: "auto",
  readyFile: null,
  debug: false,
};

function parse(...args: string[]): Invocation {
  return parseArguments(args, "vrft 1.2.3\nand more\n");
}

/** The options of the trace that differ from the defaults. */
function traceOptions(...args: string[]): Partial<TraceOptions> {
  const invocation = parse(...args);
  assert.equal(invocation.command, "trace", JSON.stringify(invocation));
  const { options } = invocation as { options: TraceOptions };
  const differing = Object.entries(options).filter(([key, value]) => {
    const standard = DEFAULTS[key as keyof TraceOptions];
    return !isDeepStrictEqual(value, standard);
  });
  return Object.fromEntries(differing);
}

Deno.test("parseArguments() without arguments traces with the defaults", () => {
  assert.deepEqual(parse(), { command: "trace", options: DEFAULTS });
});

const TRACE_OPTIONS: readonly [string[], Partial<TraceOptions>][] = [
  [["--kernel-btf", "/a b"], { kernelBtf: "/a b" }],
  [["--vrouter-btf=/b"], { vrouterBtf: "/b" }],
  [["--no-vrouter"], { vrouter: false }],
  [["-i", "eth0"], { interfaces: ["eth0"] }],
  [["--interface=vif0/3"], { interfaces: ["vif0/3"] }],
  [["-i", "eth0", "--interface", "tap1", "-ilo"], { interfaces: ["eth0", "tap1", "lo"] }],
  [["--no-vrouter", "-i", "eth0"], { vrouter: false, interfaces: ["eth0"] }],
  [["-f", "vr_*"], { functions: ["vr_*"] }],
  [["--function=vr_*", "-f", "nh_?"], { functions: ["vr_*", "nh_?"] }],
  [["-x", "*_mac", "--exclude", "b"], { excludes: ["*_mac", "b"] }],
  [["icmp"], { filters: { ...NO_FILTERS, any: "icmp" } }],
  [["icmp and host 10.1.1.2"], { filters: { ...NO_FILTERS, any: "icmp and host 10.1.1.2" } }],
  [["tcp", "port", "9", "-n", "5"], { filters: { ...NO_FILTERS, any: "tcp port 9" }, limit: 5 }],
  [["-n", "5", "tcp", "port", "9"], { filters: { ...NO_FILTERS, any: "tcp port 9" }, limit: 5 }],
  [["tcp", "-n5", "port", "9"], { filters: { ...NO_FILTERS, any: "tcp port 9" }, limit: 5 }],
  [["--", "ip[8]", "-", "1", "=", "63"], {
    filters: { ...NO_FILTERS, any: "ip[8] - 1 = 63" },
  }],
  [["host", "functions"], { filters: { ...NO_FILTERS, any: "host functions" } }],
  [["packts"], { filters: { ...NO_FILTERS, any: "packts" } }],
  [[""], {}],
  [["--outer", "udp port 4789", "--inner=icmp"], {
    filters: { any: null, outer: "udp port 4789", inner: "icmp" },
  }],
  [["icmp", "--outer", "udp"], { filters: { any: "icmp", outer: "udp", inner: null } }],
  [["--vif", "tap1", "--vif=10.1.1.2"], {
    conditions: { ...NO_CONDITIONS, vif: ["tap1", "10.1.1.2"] },
  }],
  [["--vrf", "2", "--vrf=65534", "--nh", "0"], {
    conditions: { ...NO_CONDITIONS, vrf: [2, 65534], nh: [0] },
  }],
  [["--label", "1048575", "--vni=16777215", "--nh", "2147483647"], {
    conditions: { ...NO_CONDITIONS, label: [1048575], vni: [16777215], nh: [2147483647] },
  }],
  [["--netns", "/run/netns/host"], { netns: "/run/netns/host" }],
  [["--sample", "100"], { sample: 100 }],
  [["--sample=4294967295"], { sample: 2 ** 32 - 1 }],
  [["--sample", "1"], {}],
  [["--backend", "session"], { backend: "session" }],
  [["--backend=multi"], { backend: "multi" }],
  [["--backend=kprobe"], { backend: "kprobe" }],
  [["--backend=session", "--backend=auto"], {}],
  [["-n", "5"], { limit: 5 }],
  [["-n5"], { limit: 5 }],
  [["--limit=10"], { limit: 10 }],
  [["-n", "5", "-n", "6"], { limit: 6 }],
  [["--duration", "1.5s"], { durationMs: 1500 }],
  [["--max-overhead", "12.5%"], { maxOverhead: 12.5 }],
  [["--max-overhead=200"], { maxOverhead: 200 }],
  [["--buffer", "65537"], { bufferBytes: 131072 }],
  [["-o", "trace.txt"], { output: "trace.txt" }],
  [["--output=trace.txt"], { output: "trace.txt" }],
  [["-o", "-"], {}],
  [["-o", "./--debug"], { output: "./--debug" }],
  [["--format", "events"], { format: "events" }],
  [["--format=text"], {}],
  [["--show", "duration"], { show: ["duration"] }],
  [["--show=return,nh,return", "--show", "vif,nh"], { show: ["return", "nh", "vif"] }],
  [["--ready-file", "/tmp/r"], { readyFile: "/tmp/r" }],
  [["--debug"], { debug: true }],
  [["--color", "always"], { color: "always" }],
  [["--"], {}],
  [["-n", "5", "--"], { limit: 5 }],
];

for (const [args, options] of TRACE_OPTIONS) {
  Deno.test(`parseArguments() understands vrft ${args.join(" ")}`, () => {
    assert.deepEqual(traceOptions(...args), options);
  });
}

Deno.test("parseArguments() understands vrft drops with each of its options", () => {
  const {
    functions: _functions,
    excludes: _excludes,
    sample: _sample,
    sightings: _sightings,
    plain: _plain,
    show: _show,
    ...capture
  } = DEFAULTS;
  const plain: DropsOptions = {
    ...capture,
    format: "auto",
    reasons: [],
    all: false,
    path: false,
    otlp: null,
    agent: null,
    intervalMs: null,
    listen: null,
    textfile: null,
    lookups: true,
    failOnDrop: false,
    hints: false,
  };
  assert.deepEqual(parse("drops"), { command: "drops", options: plain });
  const changes: readonly [string[], Partial<DropsOptions>][] = [
    [["icmp", "and", "host 10.1.1.2"], {
      filters: { ...NO_FILTERS, any: "icmp and host 10.1.1.2" },
    }],
    [["--inner", "icmp", "--outer", "udp"], {
      filters: { any: null, outer: "udp", inner: "icmp" },
    }],
    [["-i", "tap1", "--vrf", "3", "--vif", "vif0/3"], {
      interfaces: ["tap1"],
      conditions: { ...NO_CONDITIONS, vrf: [3], vif: ["vif0/3"] },
    }],
    [["--reason", "Discards", "--reason=no-l2-route"], { reasons: ["Discards", "no-l2-route"] }],
    [["--all", "--hints", "--lines"], { all: true, hints: true, format: "lines" }],
    [["--color=never"], { color: "never" }],
    [["--json", "-o", "drops.jsonl"], { format: "json", output: "drops.jsonl" }],
    [["--path", "--backend", "multi"], { path: true, backend: "multi" }],
    [["--otlp", "https://otel.lab:4318/x"], { otlp: "https://otel.lab:4318/x" }],
    [["--otlp", "http://a", "--agent", "https://[::1]:8085"], {
      otlp: "http://a",
      agent: "https://[::1]:8085",
    }],
    [["--listen", "9467"], { listen: { host: "127.0.0.1", port: 9467 }, format: "none" }],
    [["--listen", "[::]:0", "--lines"], { listen: { host: "::", port: 0 }, format: "lines" }],
    [["--textfile", "a/b.prom", "--json"], { textfile: "a/b.prom", format: "json" }],
    [["--textfile=b.prom", "-o", "-"], { textfile: "b.prom", format: "auto" }],
    [["--no-lookups"], { lookups: false }],
    [["--interval", "10s", "--fail-on-drop"], { intervalMs: 10_000, failOnDrop: true }],
    [["-n5", "--duration", "1m", "--max-overhead", "5", "--buffer", "4k"], {
      limit: 5,
      durationMs: 60_000,
      maxOverhead: 5,
      bufferBytes: 4096,
    }],
    [["--no-vrouter", "--kernel-btf", "a"], { vrouter: false, kernelBtf: "a" }],
    [["--vrouter-btf", "b", "--netns", "n", "--ready-file", "r", "--debug"], {
      vrouterBtf: "b",
      netns: "n",
      readyFile: "r",
      debug: true,
    }],
  ];
  for (const [args, changed] of changes) {
    assert.deepEqual(parse("drops", ...args), {
      command: "drops",
      options: { ...plain, ...changed },
    });
  }
  assert.deepEqual(parse("-n", "5", "drops", "icmp"), parse("drops", "icmp", "-n", "5"));
});

Deno.test("parseArguments() understands vrft packets with each of its own options", () => {
  const { functions: _functions, excludes: _excludes, sample: _sample, ...others } = DEFAULTS;
  const { format: _format, sightings: _sightings, plain: _plain, show: _show, ...capture } = others;
  const plain: PacketsOptions = {
    ...capture,
    calls: false,
    show: [],
    slower: null,
    stages: [],
    otlp: null,
    agent: null,
    otlpSample: null,
    order: "end",
    by: null,
    rare: false,
    json: false,
    hints: false,
    quiet: false,
  };
  assert.deepEqual(parse("packets"), { command: "packets", options: plain });
  const changes: readonly [string[], Partial<PacketsOptions>][] = [
    [["icmp", "and", "host 10.1.1.2"], {
      filters: { ...NO_FILTERS, any: "icmp and host 10.1.1.2" },
    }],
    [["-i", "tap1", "--vif", "vif0/3", "-n5"], {
      interfaces: ["tap1"],
      conditions: { ...NO_CONDITIONS, vif: ["vif0/3"] },
      limit: 5,
    }],
    [["--slower", "1.5ms"], { slower: 1_500_000 }],
    [["--stage", "qdisc:100us", "--stage=hold:1s"], {
      stages: [{ stage: "qdisc", least: 100_000 }, { stage: "hold", least: 1_000_000_000 }],
    }],
    [["--otlp", "http://[::1]:4318", "--otlp-sample", "100"], {
      otlp: "http://[::1]:4318",
      otlpSample: 100,
    }],
    [["--sort", "latency"], { order: "latency" }],
    [["--sort=end"], {}],
    [["--by", "path", "--rare"], { by: "path", rare: true }],
    [["--calls", "--backend", "kprobe"], { calls: true, backend: "kprobe" }],
    [["--calls", "--show", "duration,nh", "--show=nh", "--json"], {
      calls: true,
      show: ["duration", "nh"],
      json: true,
    }],
    [["--json", "-o", "packets.jsonl"], { json: true, output: "packets.jsonl" }],
    [["--hints", "-q", "--color", "always"], { hints: true, quiet: true, color: "always" }],
  ];
  for (const [args, changed] of changes) {
    assert.deepEqual(parse("packets", ...args), {
      command: "packets",
      options: { ...plain, ...changed },
    });
  }
});

Deno.test("parseArguments() understands vrft diff, with two filters of one argument each", () => {
  const { functions: _functions, excludes: _excludes, sample: _sample, ...others } = DEFAULTS;
  const { format: _format, plain: _plain, show: _show, sightings: _sightings, ...shown } = others;
  const { color: _color, ...capture } = shown;
  const expressions = ["host 10.1.1.7", "tcp"] as const;
  const plain: DiffOptions = { ...capture, expressions, json: false };
  assert.deepEqual(parse("diff", ...expressions), { command: "diff", options: plain });
  assert.deepEqual(parse("diff", "--json", "host 10.1.1.7", "-n", "5", "tcp"), {
    command: "diff",
    options: { ...plain, json: true, limit: 5 },
  });
});

Deno.test("parseArguments() understands vrft functions with each of its options", () => {
  const { kernelBtf, vrouterBtf, vrouter, functions, excludes } = DEFAULTS;
  const discovery = { kernelBtf, vrouterBtf, vrouter, functions, excludes };
  const plain = { ...discovery, json: false, skipped: false, debug: false };
  assert.deepEqual(parse("functions"), { command: "functions", options: plain });
  for (
    const [args, changed] of [
      [["--json"], { json: true }],
      [["--skipped"], { skipped: true }],
      [["--debug"], { debug: true }],
      [["--no-vrouter"], { vrouter: false }],
      [["--kernel-btf", "a", "--vrouter-btf", "b"], { kernelBtf: "a", vrouterBtf: "b" }],
      [["-f", "a", "-x", "b", "-f", "c"], { functions: ["a", "c"], excludes: ["b"] }],
    ] as const
  ) {
    assert.deepEqual(parse("functions", ...args), {
      command: "functions",
      options: { ...plain, ...changed },
    });
  }
});

Deno.test("parseArguments() understands vrft interfaces with each of its options", () => {
  assert.deepEqual(parse("interfaces"), {
    command: "interfaces",
    options: { json: false, debug: false },
  });
  assert.deepEqual(parse("interfaces", "--json", "--debug"), {
    command: "interfaces",
    options: { json: true, debug: true },
  });
});

Deno.test("parseArguments() understands vrft check with each of its options", () => {
  const { kernelBtf, vrouterBtf, vrouter, backend } = DEFAULTS;
  const plain = {
    kernelBtf,
    vrouterBtf,
    vrouter,
    backend,
    json: false,
    color: "auto",
    debug: false,
  };
  assert.deepEqual(parse("check"), { command: "check", options: plain });
  for (
    const [args, changed] of [
      [["--json"], { json: true }],
      [["--debug"], { debug: true }],
      [["--color", "always"], { color: "always" }],
      [["--no-vrouter"], { vrouter: false }],
      [["--backend", "kprobe"], { backend: "kprobe" }],
      [["--kernel-btf", "a", "--vrouter-btf", "b"], { kernelBtf: "a", vrouterBtf: "b" }],
    ] as const
  ) {
    assert.deepEqual(parse("check", ...args), {
      command: "check",
      options: { ...plain, ...changed },
    });
  }
  assert.deepEqual(parse("--backend", "multi", "check"), parse("check", "--backend", "multi"));
});

Deno.test("parseArguments() understands vrft completions for each shell", () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    assert.deepEqual(parse("completions", shell), { command: "completions", shell });
  }
});

Deno.test("parseArguments() takes options in front of a subcommand that has them", () => {
  const before = parse("--debug", "-f", "a", "--kernel-btf", "x", "functions", "-f", "b");
  assert.deepEqual(
    before,
    parse("functions", "--debug", "-f", "a", "-f", "b", "--kernel-btf", "x"),
  );
  assert.deepEqual(parse("--debug", "interfaces"), parse("interfaces", "--debug"));
  assert.deepEqual(
    parse("--kernel-btf", "x", "functions", "--kernel-btf", "y"),
    parse("functions", "--kernel-btf", "y"),
  );
});

Deno.test("parseArguments() shows the version as it is given", () => {
  for (const args of [["--version"], ["-v"], ["-n", "5", "-v"]]) {
    assert.deepEqual(parse(...args), { command: "show", text: "vrft 1.2.3\nand more\n" });
  }
});

Deno.test("parseArguments() shows the same help for -h, --help and help", () => {
  const help = parse("--help");
  assert.equal(help.command, "show");
  assert.deepEqual(parse("-h"), help);
  assert.deepEqual(parse("help"), help);
  assert.deepEqual(parse("-i", "eth0", "--help", "--nonsense"), help);
  for (const command of ["functions", "interfaces", "check", "completions", "help"]) {
    const own = parse(command, "--help");
    assert.equal(own.command, "show");
    assert.deepEqual(parse(command, "-h"), own);
    assert.deepEqual(parse("help", command), own);
    assert.notDeepEqual(own, help);
  }
});

Deno.test("parseArguments() understands vrft export, with a file and a filter of several words", () => {
  const plain = {
    from: "a.vrft",
    format: "pcapng",
    sightings: { at: "all", functions: [], cooked: false },
    calls: false,
    filters: NO_FILTERS,
    functions: [],
    excludes: [],
    output: null,
    debug: false,
  };
  const all: [args: string[], changed: object][] = [
    [[], {}],
    [["icmp", "and", "host", "10.1.1.7"], {
      filters: { ...NO_FILTERS, any: "icmp and host 10.1.1.7" },
    }],
    [["--at", "last", "--link", "cooked"], {
      sightings: { at: "last", functions: [], cooked: true },
    }],
    [["--at", "vr_forward", "--at", "nh_output"], {
      sightings: { at: "functions", functions: ["vr_forward", "nh_output"], cooked: false },
    }],
    [["-f", "vr_*", "-x", "*mac*", "-o", "a.pcapng", "--inner", "tcp"], {
      functions: ["vr_*"],
      excludes: ["*mac*"],
      output: "a.pcapng",
      filters: { ...NO_FILTERS, inner: "tcp" },
    }],
  ];
  for (const [args, changed] of all) {
    assert.deepEqual(parse("export", "a.vrft", "--format", "pcapng", ...args), {
      command: "export",
      options: { ...plain, ...changed },
    });
  }
  assert.deepEqual(parse("export", "a.vrft", "--format", "otlp", "--calls"), {
    command: "export",
    options: { ...plain, format: "otlp", calls: true },
  });
});

Deno.test("parseArguments() understands vrft record and vrft info", () => {
  const { options } = parse("record", "-o", "a.vrft", "--rotate", "2G", "--keep", "3", "icmp") as {
    options: RecordOptions;
  };
  assert.deepEqual([options.rotate, options.keep, options.filters.any, options.output], [
    { bytes: 2 ** 31, ms: null },
    3,
    "icmp",
    "a.vrft",
  ]);
  assert.deepEqual(parse("record", "-o", "a", "--rotate", "10m"), {
    command: "record",
    options: {
      ...options,
      rotate: { bytes: null, ms: 600_000 },
      keep: null,
      output: "a",
      filters: NO_FILTERS,
    },
  });
  const flight = (...args: string[]): unknown =>
    (parse("record", "-o", "d", ...args) as { options: RecordOptions }).options.flight;
  const plain = {
    ring: { bytes: 500 * 2 ** 20, ms: null },
    drops: null,
    slowerNs: null,
    loss: false,
    beforeMs: 10_000,
    afterMs: 5000,
    everyMs: 60_000,
    keep: null,
    maxDiskBytes: 2 ** 30,
    otlp: null,
    agent: null,
  };
  assert.equal(flight(), null);
  assert.deepEqual(flight("--ring", "500M"), plain);
  const triggers = ["drop", "drop No L2 Route", "slower 5ms", "slower 2ms", "loss"];
  assert.deepEqual(
    flight(
      ...["--ring", "8s", ...triggers.flatMap((one) => ["--trigger", one])],
      ...["--after", "1s", "--every", "10m", "--keep", "3", "--max-disk", "2G"],
      ...["--otlp", "http://[::1]:4318", "--agent", "http://127.0.0.1:8085"],
    ),
    {
      ring: { bytes: null, ms: 8000 },
      drops: { all: true, reasons: ["No L2 Route"] },
      slowerNs: 2e6,
      loss: true,
      beforeMs: 8000,
      afterMs: 1000,
      everyMs: 600_000,
      keep: 3,
      maxDiskBytes: 2 ** 31,
      otlp: "http://[::1]:4318",
      agent: "http://127.0.0.1:8085",
    },
  );
  assert.deepEqual(parse("info", "a.vrft", "--json"), {
    command: "info",
    options: { file: "a.vrft", json: true },
  });
});
