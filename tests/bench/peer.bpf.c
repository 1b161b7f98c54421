// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * What vrft is measured against: the least that a tracer can do, and what one
 * would write first. One program for each mode of peer.c.
 */
#include "peer.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* x86-64, laid out as the kernel passes it to kprobe programs */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#include "argument.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_device {
	int ifindex;
};

struct sk_buff {
	struct net_device *dev;
	char cb[48];
};

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);	/* set by user space before loading */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct peer_counts);
} counts SEC(".maps");

/*
 * kprobe.session, Linux 6.10; peer.c sets the attach type. The kfunc takes ctx
 * since 7.0, and libbpf allows one prototype in an object.
 */
#ifdef PEER_SESSION_TAKES_CONTEXT
extern _Bool bpf_session_is_return(void *ctx) __ksym __weak;
#else
extern _Bool bpf_session_is_return(void) __ksym __weak;
#define bpf_session_is_return(ctx)	bpf_session_is_return()
#endif

SEC("kprobe.multi")
int peer_empty(struct pt_regs *ctx)
{
	return 0;
}

/* Compared with the packet's interface; there is none of this number. */
const volatile int wanted_ifindex = -1;

SEC("kprobe.multi")
int peer_reject(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	void *packet = argument(ctx, cookie & PEER_COOKIE_POSITION);
	struct net_device *dev;

	if (cookie & PEER_COOKIE_INDIRECT &&
	    bpf_probe_read_kernel(&packet, sizeof(packet), packet))
		return 1;
	/* A vr_packet lives in the control buffer of its sk_buff. */
	if (cookie & PEER_COOKIE_VR_PACKET)
		packet -= bpf_core_field_offset(struct sk_buff, cb);
	dev = BPF_CORE_READ((struct sk_buff *)packet, dev);
	return BPF_CORE_READ(dev, ifindex) != wanted_ifindex;
}

static __always_inline void record(__u32 function, __u8 kind, __u32 frame)
{
	__u32 zero = 0;
	struct peer_counts *count = bpf_map_lookup_elem(&counts, &zero);
	struct peer_event *event;

	if (!count)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count->lost++;
		return;
	}
	event->timestamp = bpf_ktime_get_ns();
	event->task = bpf_get_current_pid_tgid();
	event->frame = frame;
	event->function = function;
	event->cpu = bpf_get_smp_processor_id();
	event->kind = kind;
	event->reserved = 0;
	bpf_ringbuf_submit(event, 0);
	count->recorded++;
}

SEC("kprobe.multi")
int peer_record(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	record(cookie >> PEER_COOKIE_FUNCTION_SHIFT,
	       bpf_session_is_return(ctx) ? PEER_RETURN : PEER_ENTRY, ctx->sp);
	return 0;
}

SEC("kprobe")
int peer_kprobe(struct pt_regs *ctx)
{
	return 0;
}

/* Writes what it is given, for BPF_PROG_TEST_RUN. */
SEC("raw_tp")
int peer_test_record(__u64 *ctx)
{
	record(ctx[0], ctx[1], ctx[2]);
	return 0;
}
