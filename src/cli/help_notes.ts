/**
 * Text below the options in the help of each command.
 *
 * @module
 */

const EXIT_STATUS = `\
Exit status:
  0  success
  1  failure: the message on stderr says why
  2  bad command line`;

/** Of the commands that trace and have no reason of their own to fail. */
const TRACE_STATUS = `\
Exit status:
  0  success: ended by --limit, --duration, SIGINT, SIGTERM or SIGHUP, or
     because the reader closed the pipe
  1  failure, or ended by --max-overhead, or because the trace traced its own
     output: the message on stderr says why
  2  bad command line`;

/** Of the commands that send to a receiver. */
const OTLP_NOTES = `\
--otlp URL sends OTLP (protobuf over HTTP) to URL/v1/traces; headers, timeout,
compression and certificates are those of the variables OTEL_EXPORTER_OTLP_*.
What the receiver does not take in time waits, up to 32 MiB; the rest is
counted. At the end it has five seconds.`;

/** Notes of `vrft --help`. */
export const TRACE_NOTES = `\
Examples:
  vrft                                 trace packets of all vifs until Ctrl-C
  vrft -i tap9f3c -i vif0/0 -n 400     400 rows of two vifs
  vrft icmp and host 10.1.1.2          packets that match a filter
  vrft --inner 'tcp port 80'           packets in a tunnel, by what is inside
  vrft --vif vif0/3 --vrf 2            packets that reach a vif and are in a VRF
  vrft -f 'vr_*' -f 'nh_*' -x '*_mac'  only some functions
  vrft --show duration,return          how long calls take, and what they return
  vrft --sample 100 -o trace.txt       one packet in a hundred, to a file
  vrft --duration 10s -o trace.txt     ten seconds, to a file
  vrft --no-vrouter -i eth0            a host without the vrouter module
  vrft drops                           only dropped packets, and why
  vrft packets host 10.1.1.7           the way of each packet, and its time
  vrft record -o a.vrft                all of that into a file
  vrft --from a.vrft icmp              the trace of a file

EXPR is a packet filter in the language of tcpdump, pcap-filter(7). It may be
several words, and stand before or behind the options. A packet matches if any
layer of it does: its outer headers, or those of the packet inside, if that is
encapsulated in VXLAN, MPLS over UDP or MPLS over GRE. --outer and --inner match
one layer. A packet must match all filters that are given. VLAN tags count as if
they stood in the packet, even if the kernel has taken them off.

--vif, --vrf, --nh, --label and --vni are about what vrouter does with a packet
at any time: its calls are kept until that is known, and shown from the first
on. Repeated, an option takes any of its values; of several options, a packet
must meet all.

--show adds to the rows:
  duration  where a call returns, its time in microseconds, and that without the
            traced calls inside it
  return    the result, by its type in BTF: ret=true, ret=-12, ret=FLOW_FORWARD;
            never where it is not known, as behind some tail calls on the kprobe
            backend
  packet    the packet's number, and in its first row the packet itself
  vif, nh   of vrouter's functions, the vif and the nexthop that the call is
            given, or else that its packet is at
Without it rows are as they ever were, and cost nothing more.

--from FILE reads what vrft record has written, on any machine and without root,
and prints what the trace would have printed. All that selects packets and calls
may be given, --sample chooses the same packets each time, and --duration counts
from the first event; how events were recorded is settled. --show return, vif
and nh need a recording made with the same --show. So do -i, --vif, --vrf and
--nh to be exact: otherwise a packet is where it was first seen, and where
vrouter decided about it. A label or network identifier is that of the first 148
bytes, or of the tunnel nexthop. A filter that looks further leaves the packet
out, and a line on stderr says how many.

The last line on stderr reports the CPU time that tracing took, in per cent of
one CPU, like top(1): 100 % is one CPU fully busy. --max-overhead ends the trace
when the BPF programs and vrft together stay above the limit for a full second.
It makes the kernel time the programs, which needs CAP_SYS_ADMIN and slows down
traced calls a little; without it, their time is known only if
kernel.bpf_stats_enabled is on. The kernel's own cost of reaching the programs
is not included.

Packets that carry the output itself, over the ssh connection of the terminal or
a socket that stdout is, are left out of the trace. If the output crosses a
traced interface in another way, as into nc, the trace would trace itself: vrft
notices that and ends. Write to a file instead (-o).

If the reader of the output is slow or stops reading, events that find no room
in their CPU's ring are counted as lost. Ctrl-C still detaches at once; a second
one ends vrft without writing the rest.

Files:
  /sys/kernel/btf/vmlinux  debug info of the running kernel
  /sys/kernel/btf/vrouter  debug info of the loaded module
  /tmp/vrouter.btf         debug info of a module built without BTF (pahole -J);
                           used if root owns it and nobody else can write it

${TRACE_STATUS}`;

/** Notes of `vrft drops --help`. */
export const DROPS_NOTES = `\
Examples:
  vrft drops                               a table of drops, on a terminal
  vrft drops --lines --hints               a line for each, and what to run next
  vrft drops host 10.1.1.5 and tcp         packets that match a filter
  vrft drops -i tap9f3c --reason flow-action-drop
                                           of one vif, by policy
  vrft drops --json --duration 1m -o drops.jsonl
                                           for programs
  vrft drops --path -n 1 --reason no-l2-route
                                           the calls that led to a drop
  vrft drops --fail-on-drop --duration 10s && echo clean
                                           a check of a host
  vrft drops --otlp http://127.0.0.1:4318 -o /dev/null
                                           for OpenTelemetry
  vrft drops --from a.vrft                 those of a recording
  vrft drops --listen 127.0.0.1:9467       metrics for Prometheus, and no lines
  vrft drops --textfile /var/lib/prometheus/node-exporter/vrft.prom
                                           the same for node_exporter

Only functions that run when a packet is dropped are attached to, and a few that
look up its flow and its route: this may run all day. From Linux 5.11 on the
latter keep the module from being unloaded, which --no-lookups avoids; some
causes are not known then. With --path, all functions that take a packet are
attached to, as by vrft without a command, and --backend says how; the tree of
calls is printed of each packet that vRouter or the kernel drops.

EXPR, --outer and --inner are packet filters, as in vrft --help. --vif, --vrf,
--nh, --label and --vni are about the packet when it is dropped; with --path, at
any time before.

Most drops are losses, some by a policy. What is freed in the course of things,
such as the original of a packet that was copied, is shown with --all only.
Drops of the kernel, of packets of vrouter's interfaces, have its own reason.

At the end, and after each --interval, the module's counters are compared with
what was seen, and each difference is reported on stderr. That is left out if
only some packets are traced, recorded or shown. Recordings (--from) are printed
as lines; their counters are those of the time, recorded once a second.

--listen and --textfile count drops by reason, class, cause, vif, device and
direction, beside the module's own counters and what the trace has lost. There
are at most 2000 label sets: what has no room for its labels is counted by its
class, with "other" for the rest. Drops are not printed then, unless --lines,
--json or -o is given as well. docs/prometheus.md lists the metrics.

--listen takes a port of 127.0.0.1, or HOST:PORT; 0.0.0.0:9467 is for all
addresses of the machine, without a password. --textfile replaces the file at
each --interval, and removes it at the end. With either, or --otlp, the trace
ends with status 1 when the module is unloaded or reloaded, to be started again.

--fail-on-drop is for checks of a host. Of the drops that are shown, it counts
those of a reason that means a loss, and those whose reason vrft does not know.
What a policy drops (Flow Action Drop) is not lost. Lost events, missed probe
hits, and losses that the module alone has counted are failures, too: a status
of 0 means that no packet was lost.

${OTLP_NOTES} Each drop that is shown is a trace of
one span with the status of an error.

Keys of the table:
  s  sort: by rate, number, or the latest drop   j, k  select a line
  g  group: by fewer properties                  e     expand the selected line
  f  freeze, or go on                            ?, q  help, quit

Exit status:
  0  success: ended by --limit, --duration, q, SIGINT, SIGTERM or SIGHUP, or
     because the reader closed the pipe
  1  failure, or ended by --max-overhead, or because the trace traced its own
     output; with --fail-on-drop also if a packet was lost, or may have been
  2  bad command line`;

/** Notes of `vrft packets --help`. */
export const PACKETS_NOTES = `\
Examples:
  vrft packets host 10.1.1.7            the way of each packet of a host
  vrft packets -i tap9f3c -n 10         the first ten of a vif
  vrft packets --slower 1ms icmp        only those that take a millisecond
  vrft packets --stage qdisc:1ms --stage hold:10ms
                                        those that wait somewhere
  vrft packets --sort latency -n 10 --duration 1m
                                        the ten slowest of a minute
  vrft packets --by path --rare         the ways that few packets take
  vrft packets --calls --show return,nh -n 1
                                        one packet, with all its calls
  vrft packets --json -o packets.jsonl  for programs
  vrft packets --otlp http://127.0.0.1:4318 --slower 1ms -q -o /dev/null
                                        slow and dropped ones, for OpenTelemetry
  vrft packets --from a.vrft --calls    those of a recording

A packet is printed when it ends: its number, what it is, how long it took, and
what became of it. Below that stand when and where it came in, what was decided
about it in the words of flow, rt, nh and vif, and where it went, with the time
of each stage on the right. Stages in brackets are waits: [rps-queue], [hold]
and [qdisc]. What was checked and found in order is left out; JSON has it.

TIME needs a unit: ns, us, ms or s. The statistics at the end are of all packets
of the trace whose end was seen, be they shown or not. -q leaves them out.

--sort and --by print when the trace has ended: Ctrl-C, --duration. Packets are
kept for that up to a limit, and stderr says how many were left out.

About thirty functions are attached to; with --calls, all that take a packet,
and the tree of calls follows each packet: --show is that of vrft --help.

${OTLP_NOTES} Each packet is a trace: its stages are
spans, and with --calls its calls. Dropped packets are errors, and always sent;
of the others all, or those of --slower and --stage, and one in --otlp-sample.

EXPR, --outer, --inner and the other conditions are as in vrft --help.

${TRACE_STATUS}`;

/** Notes of `vrft diff --help`. */
export const DIFF_NOTES = `\
Examples:
  vrft diff 'host 10.1.1.7' 'host 10.1.1.8' --duration 10s
                                        why one host answers, and not the other
  vrft diff 'tcp port 80' 'tcp port 81' --vif vif0/4 -n 5
                                        five packets of each, of one vif

Each EXPR is a packet filter, one argument. Packets that match one of the two
are traced, and those that match both belong to the first. At the end, the ways
of the two groups are compared: what all have in common, the first decision in
which they differ, and what only one of the groups has.

Exit status:
  0  all packets took the same way
  1  they did not, or a group has no packets
  2  bad command line, or failure: the message on stderr says why`;

/** Notes of `vrft record --help`. */
export const RECORD_NOTES = `\
Examples:
  vrft record -o a.vrft                   until Ctrl-C
  vrft record -o a.vrft --duration 10s host 10.1.1.7
                                          ten seconds of a host's packets
  vrft record -o a.vrft --show return,vif also what calls return, and their vifs
  vrft record -o a.vrft --rotate 100M --keep 10
                                          for days, in a gigabyte at most
  ssh root@compute7 vrft record -o - >a.vrft
                                          from another host
  vrft record --ring 60s --trigger drop --trigger 'slower 20ms' -o /var/tmp
                                          what is around drops and slow packets

A recording has the calls, the first 148 bytes of each packet, copies, drops,
decisions, names of functions that were called, of vifs, nexthops, devices and
tasks, the clocks, and what was lost and when. An event takes 2 to 3 bytes, the
rest some kilobytes. It can be read by zstd, and by whoever reads
docs/recording.md.

--show return,vif,nh records also what calls return, and their vifs and
nexthops, without which no view can show them. It takes one to three more bytes
an event, and twice the room in the ring buffers.

All functions that take a packet are attached to, as by vrft without a command;
-f and -x leave calls out, of which no view can tell later. EXPR, --outer,
--inner and the other conditions are as in vrft --help.

Blocks are written when they are full, and after half a second. If vrft is
killed, or the disk is full, all whole blocks can be read.

With --ring nothing is written until a trigger: a drop as vrft drops shows it
(of one reason: 'drop no-l2-route'), a packet that takes as long by vrft packets
('slower 20ms'), lost events, or SIGUSR1, which works without --trigger, too.
Each recording is a file of its own, called by the time and the kind of its
trigger, as vrft-20261126T141749.123Z-drop.vrft; only files with such names are
removed. The blocks of --ring TIME take 256M of memory at most, and are fewer if
that is too little. A full or slow disk costs that recording, not the others,
and is counted.

${OTLP_NOTES} Each drop that is a trigger
is sent as a span, each packet that is 'slower TIME' as one with its stages once
its way is over: also those that come too soon for a recording.

${TRACE_STATUS}`;

/** Notes of `vrft info --help`. */
export const INFO_NOTES = `\
Examples:
  vrft info a.vrft
  vrft info --json a.vrft

A file of - is stdin. Of a recording that was cut or damaged, all that is whole
is counted, and the last line says what is wrong with the rest.

${EXIT_STATUS}`;

/** Notes of `vrft export --help`. */
export const EXPORT_NOTES = `\
Examples:
  vrft export a.vrft --format pcapng -o a.pcapng
                                        packets, for Wireshark and tshark
  vrft export a.vrft --format pcapng --at drop --link cooked | tcpdump -r -
                                        only dropped ones, for tcpdump
  vrft export a.vrft --format perfetto -o a.pftrace host 10.1.1.7
                                        a host's, for ui.perfetto.dev
  vrft export a.vrft --format collapsed | flamegraph.pl >a.svg
                                        where the time goes
  vrft export a.vrft --format otlp -o a.otlp
                                        spans, for OpenTelemetry

Formats:
  text        the trace as vrft prints it
  json        JSON lines: calls, packets, drops; docs/schema/calls.schema.json
  pcapng      packets at each sighting asked for, with what is known in comments
              in which Wireshark searches: frame.comment contains "vrft.drop="
  perfetto    calls of each task, packets as flows, drops as counters
  speedscope  calls of each task as flame graphs, for www.speedscope.app
  trace.dat   calls as those of function_graph, for trace-cmd and KernelShark
  collapsed   stacks with nanoseconds, for flamegraph.pl and inferno
  html        one page for a browser: packets, stages, drops, a flame graph
  otlp        a trace for each packet, its stages as spans, drops as errors: one
              ExportTraceServiceRequest of OTLP in protobuf; with --calls, a
              span for each call, too

What the trace lost is said on stderr, and in the file where the format has room
for it.

EXPR, --outer and --inner are packet filters, as in vrft --help; -f and -x keep
functions or leave them out.

${EXIT_STATUS}`;

/** Notes of `vrft functions --help`. */
export const FUNCTIONS_NOTES = `\
Examples:
  vrft functions -f 'vr_*'   functions whose name starts with vr_
  vrft functions --skipped   what cannot be traced, and why
  vrft functions --json --kernel-btf vmlinux.btf --vrouter-btf vrouter.btf
                             for another machine, without root

If the kernel does not show which functions can be traced, or their addresses,
all candidates are listed, with a warning on stderr.

${EXIT_STATUS}`;

/** Notes of `vrft interfaces --help`. */
export const INTERFACES_NOTES = EXIT_STATUS;

/** Notes of `vrft check --help`. */
export const CHECK_NOTES = `\
Examples:
  sudo vrft check                everything a trace needs
  sudo vrft check --no-vrouter   on a host without the vrouter module
  vrft check --json              { works, backend, summary, checks: [ … ] }

✔ marks what is there, ✖ what is missing, with advice, and – what is optional,
unknown or just good to know. Each backend is attached to a few functions and
detached again; nothing is recorded or changed.

Exit status:
  0  tracing will work
  1  it will not, or the check was interrupted
  2  bad command line`;

/** Notes of `vrft completions --help`. */
export const COMPLETIONS_NOTES = `\
Examples:
  source <(vrft completions bash)      bash, in ~/.bashrc
  source <(vrft completions zsh)       zsh, in ~/.zshrc below compinit
  vrft completions fish | source       fish, in ~/.config/fish/config.fish

  vrft completions bash >/usr/share/bash-completion/completions/vrft
  vrft completions zsh >/usr/local/share/zsh/site-functions/_vrft
  vrft completions fish >/usr/share/fish/vendor_completions.d/vrft.fish

${EXIT_STATUS}`;

/** Notes of `vrft help --help`. */
export const HELP_NOTES = EXIT_STATUS;
