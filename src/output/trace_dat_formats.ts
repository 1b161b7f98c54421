/**
 * What a trace.dat says of its events: the texts that tracefs has of its pages, of the events of the
 * function_graph tracer (Linux 6.1), and of vrft's own, with the offsets by which they are written.
 *
 * @module
 */

/** Bytes of a page of the ring buffer. */
export const PAGE_BYTES = 4096;

/** events/header_page */
export const HEADER_PAGE = `\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;
`;

/** events/header_event */
export const HEADER_EVENT = `# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
`;

/** trace_clock */
export const CLOCKS = "local global counter uptime perf [mono] mono_raw boot tai\n";

const COMMON = `\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
`;

/** Number of the event of a call. */
export const ENTRY = 11;
export const ENTRY_BYTES = 20;
/** events/ftrace/funcgraph_entry/format */
export const ENTRY_FORMAT = `name: funcgraph_entry
ID: ${ENTRY}
format:
${COMMON}
\tfield:unsigned long func;\toffset:8;\tsize:8;\tsigned:0;
\tfield:int depth;\toffset:16;\tsize:4;\tsigned:1;

print fmt: "--> %ps (%d)", (void *)REC->func, REC->depth
`;

/** Number of the event of a return. */
export const EXIT = 10;
export const EXIT_BYTES = 40;
/** events/ftrace/funcgraph_exit/format */
export const EXIT_FORMAT = `name: funcgraph_exit
ID: ${EXIT}
format:
${COMMON}
\tfield:unsigned long func;\toffset:8;\tsize:8;\tsigned:0;
\tfield:int depth;\toffset:16;\tsize:4;\tsigned:1;
\tfield:unsigned int overrun;\toffset:20;\tsize:4;\tsigned:0;
\tfield:unsigned long long calltime;\toffset:24;\tsize:8;\tsigned:0;
\tfield:unsigned long long rettime;\toffset:32;\tsize:8;\tsigned:0;

print fmt: "<-- %ps (%d) (start: %llx  end: %llx) over: %d", (void *)REC->func, REC->depth, REC->calltime, REC->rettime, REC->depth
`;

/** The event of a drop: its number, and offsets of its fields. */
export const DROP = {
  id: 2000,
  packet: 8,
  vif: 16,
  vrf: 20,
  nexthop: 24,
  flow: 28,
  length: 32,
  reason: 36,
  reasonBytes: 48,
  by: 84,
  byBytes: 8,
} as const;
export const DROP_BYTES = 92;
export const DROP_FORMAT = `name: drop
ID: ${DROP.id}
format:
${COMMON}
\tfield:u64 packet;\toffset:${DROP.packet};\tsize:8;\tsigned:0;
\tfield:int vif;\toffset:${DROP.vif};\tsize:4;\tsigned:1;
\tfield:int vrf;\toffset:${DROP.vrf};\tsize:4;\tsigned:1;
\tfield:int nh;\toffset:${DROP.nexthop};\tsize:4;\tsigned:1;
\tfield:int flow;\toffset:${DROP.flow};\tsize:4;\tsigned:1;
\tfield:int len;\toffset:${DROP.length};\tsize:4;\tsigned:1;
\tfield:char reason[${DROP.reasonBytes}];\toffset:${DROP.reason};\tsize:${DROP.reasonBytes};\tsigned:0;
\tfield:char by[${DROP.byBytes}];\toffset:${DROP.by};\tsize:${DROP.byBytes};\tsigned:0;

print fmt: "packet=%llu reason=%s by=%s vif=%d vrf=%d nh=%d flow=%d len=%d", REC->packet, REC->reason, REC->by, REC->vif, REC->vrf, REC->nh, REC->flow, REC->len
`;
