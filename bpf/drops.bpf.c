// SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause)
/*
 * Drops alone, with a handful of probes: kprobes on the two functions with which
 * vrouter drops packets, and the kernel's own tracepoint. All of these only run
 * when a packet is dropped. So packets are not followed: each is decided about
 * when it is dropped, and a slot of the table only has it until it is freed.
 *
 * The raw tracepoint may run in the middle of another program, so there is an
 * object for kernels with fetch-and-add (5.12), and one for older ones, where
 * kfree_skb() is probed instead: kprobe programs do not interrupt one another.
 * Which one is told by the tracepoint: since 5.17 it gives the reason. In
 * between, the kprobe does as well.
 */
#ifdef VRFT_DROPS_BY_KPROBE
#define VRFT_NEVER_NESTED
#endif
#include "programs.h"
#include "lookup.h"

/* Of pointers that are errors. */
#define MAX_ERRNO	4095

static __always_inline bool meets_conditions(const struct dropped *dropped)
{
	__u32 met;

	met = met_by_vif(dropped->vif, false) |
	      met_by_nexthop(dropped->nexthop, false);
	if (config.conditions &
	    (1 << VRFT_CONDITION_LABEL | 1 << VRFT_CONDITION_VNI))
		met |= met_by_tunnel(dropped->skb);
	return !(config.conditions & ~met);
}

/*
 * Whether a packet of a selected interface is one of the trace. What cannot be
 * found out, because the program has interrupted another one in the middle of
 * that, is counted as lost.
 */
static __attribute__((noinline)) bool wanted(const struct dropped *dropped)
{
	__u32 zero = 0;
	struct frame *frame = bpf_map_lookup_elem(&frames, &zero);

	if (frame && GET(frame->busy)) {
		fetch_and_add(&here()->lost, 1);
		return false;
	}
	if (config.filters && packet_matches(dropped->skb) != MATCH)
		return false;
	if (config.own[0].version && carries_output(dropped->skb))
		return false;
	return !config.conditions || meets_conditions(dropped);
}

/* The kfree_skb() that follows is the same drop, whether it is shown or not. */
static __always_inline __u32 expect_free(struct sk_buff *skb, __u64 decision,
					 __u64 *word)
{
	__u32 slot = seat_packet(packet_tag(skb), decision, word);

	/* With other users it will not be freed there. */
	if (BPF_CORE_READ(skb, users.refs.counter) != 1)
		control.packets[slot] = *word | VRFT_PACKET_ENDED;
	return slot;
}

static __always_inline void vrouter_drops(struct pt_regs *ctx,
					  struct dropped *dropped, void *packet,
					  bool accepted)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_drop *drop;
	__u64 word, decision;
	__u32 slot;

	if (packet && config.vp_nh_offset)
		dropped->nexthop = read_pointer(packet + config.vp_nh_offset,
						false);
	decision = accepted && wanted(dropped) ? VRFT_PACKET_KEPT : 0;
	slot = expect_free(dropped->skb, decision, &word);
	if (!decision)
		return;
	drop = begin_drop(ctx, cpu, dropped, VRFT_NO_FUNCTION, slot);
	if (!drop)
		return;
	set_flow(drop, packet, ctx->sp);
#ifndef VRFT_DROPS_BY_KPROBE
	set_route(drop, dropped->skb, ctx->sp);
#endif
	finish_drop(drop, cpu, word);
}

/* void lh_pfree(struct vr_packet *pkt, unsigned short reason) */
SEC("kprobe")
int vrft_drop_vr_packet(struct pt_regs *ctx)
{
	struct dropped dropped = {
		.source = VRFT_DROP_VROUTER,
		.reason = (__u16)ctx->si,
	};
	bool accepted;
	void *packet;

	if (!control.enabled)
		return 0;
	dropped.skb = (void *)ctx->di -
		      bpf_core_field_offset(struct sk_buff, cb);
	packet = vr_packet_of(dropped.skb);
	if (packet) {
		dropped.vif = read_pointer(packet + config.vp_if_offset, false);
		accepted = accepts_vr_packet(packet, false);
	} else {
		accepted = accepts_skb(dropped.skb, config.vrouter_netns, false);
	}
	vrouter_drops(ctx, &dropped, packet, accepted);
	return 0;
}

/*
 * void lh_pfree_skb(struct sk_buff *skb, struct vr_interface *vif,
 *		     unsigned short reason)
 */
SEC("kprobe")
int vrft_drop_sk_buff(struct pt_regs *ctx)
{
	struct dropped dropped = {
		.skb = (void *)ctx->di,
		.vif = (void *)ctx->si,
		.source = VRFT_DROP_VROUTER,
		.reason = (__u16)ctx->dx,
	};
	bool accepted;

	if (!control.enabled)
		return 0;
	accepted = (dropped.vif &&
		    bit(control.vif_bits,
			read_u16(dropped.vif + config.vif_idx_offset, false))) ||
		   accepts_skb(dropped.skb, config.vrouter_netns, false);
	vrouter_drops(ctx, &dropped, vr_packet_of(dropped.skb), accepted);
	return 0;
}

/* Whether it is the drop of vrouter that has been seen. */
static __always_inline bool was_expected(struct sk_buff *skb)
{
	__u64 word;
	__u32 slot = find_packet(packet_tag(skb), &word);

	if (!alive(word))
		return false;
	control.packets[slot] = word | VRFT_PACKET_ENDED;
	return true;
}

/* The packet that a CPU has cut into segments last, or tried to. */
struct {
	struct sk_buff *skb;
	__u64 failed;
} segmented[VRFT_MAX_CPUS] = {};

/*
 * sk_buff *__skb_gso_segment(skb, features, tx_path) has returned: an fexit
 * program of the kernel. vrouter frees the packet with kfree_skb() right after
 * that, whether there are segments or not.
 */
SEC("raw_tp")
int vrft_segmented(__u64 *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id() & (VRFT_MAX_CPUS - 1);

	segmented[cpu].skb = (void *)ctx[0];
	segmented[cpu].failed = !ctx[3] || ctx[3] >= (__u64)-MAX_ERRNO;
	return 0;
}

static __always_inline enum vrft_segmentation
segmentation_of(const struct sk_buff *skb, __u32 cpu)
{
	cpu &= VRFT_MAX_CPUS - 1;
	if (!segmented[cpu].skb)
		return VRFT_SEGMENTATION_UNKNOWN;
	if (segmented[cpu].skb != skb)
		return VRFT_SEGMENTATION_OTHER;
	return segmented[cpu].failed ? VRFT_SEGMENTATION_FAILED :
				       VRFT_SEGMENTED;
}

static __always_inline void kernel_drops(void *ctx, struct sk_buff *skb,
					 __u64 location, __u32 reason)
{
	struct dropped dropped = {
		.skb = skb,
		.source = VRFT_DROP_KERNEL,
		.location = location,
		.reason = reason,
	};
	__u32 cpu = bpf_get_smp_processor_id();
	struct vrft_drop *drop;
	void *packet;
	__u64 word;
	__u32 slot;

	if (!accepts_skb(skb, 0, false))
		return;
	dropped.segmentation = segmentation_of(skb, cpu);
	packet = vr_packet_of(skb);
	if (packet && config.vp_if_offset) {
		dropped.vif = read_pointer(packet + config.vp_if_offset, false);
		if (config.vp_nh_offset)
			dropped.nexthop = read_pointer(packet +
						       config.vp_nh_offset,
						       false);
	}
	if (!wanted(&dropped))
		return;
	slot = seat_packet(packet_tag(skb), VRFT_PACKET_ENDED, &word);
	drop = begin_drop(ctx, cpu, &dropped, VRFT_NO_FUNCTION, slot);
	if (drop)
		finish_drop(drop, cpu, word);
}

#ifdef VRFT_DROPS_BY_KPROBE
/* void kfree_skb(struct sk_buff *skb), until Linux 5.16 */
SEC("kprobe")
int vrft_drop_kernel(struct pt_regs *ctx)
{
	struct sk_buff *skb = (void *)ctx->di;

	/* Otherwise it is not freed here. */
	if (!control.enabled || !skb ||
	    BPF_CORE_READ(skb, users.refs.counter) != 1)
		return 0;
	if (!was_expected(skb))
		kernel_drops(ctx, skb,
			     (__u64)read_pointer((void *)ctx->sp, false), -1);
	return 0;
}

/* vr_flow_lookup(router, key, pkt, fmd) */
SEC("kprobe")
int vrft_flow_lookup(struct pt_regs *ctx)
{
	flow_looked_up(NULL, VRFT_UNKNOWN, (void *)ctx->dx, (void *)ctx->cx);
	return 0;
}

/* vr_flow_action(router, fe, index, pkt, fmd) */
SEC("kprobe")
int vrft_flow(struct pt_regs *ctx)
{
	flow_looked_up((void *)ctx->si, ctx->dx, (void *)ctx->cx,
		       (void *)ctx->r8);
	return 0;
}
#else
/*
 * skb:kfree_skb(skb, location, reason), since Linux 5.17. The kernel frees many
 * packets that way that were not lost, such as an answer to a ping once it has
 * been delivered. Those of other devices are left out first, by plain loads,
 * which such a program may use.
 */
SEC("tp_btf/kfree_skb")
int vrft_drop_kernel(__u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	struct net_device *dev;
	void *untyped;

	if (!control.enabled)
		return 0;
	/* Not by its type, as the verifier allows no arithmetic then. */
	bpf_probe_read_kernel(&untyped, sizeof(untyped), ctx);
	if (was_expected(untyped))
		return 0;
	dev = skb->dev;
	if (bit(control.interface_bits, skb->skb_iif) ||
	    (dev && bit(control.interface_bits, dev->ifindex)))
		kernel_drops(ctx, untyped, ctx[1], ctx[2]);
	return 0;
}

/*
 * These become fentry and fexit programs of vrouter's functions, whose context
 * is the same: see src/probe/drop_probes.ts. A trampoline takes a third of the
 * instructions of a kprobe.
 */

/* Any function that a packet comes in by which the CPU has not received. */
SEC("raw_tp")
int vrft_begin(__u64 *ctx __attribute__((unused)))
{
	forget_route();
	return 0;
}

/* vr_flow_lookup(router, key, pkt, fmd) */
SEC("raw_tp")
int vrft_flow_lookup(__u64 *ctx)
{
	flow_looked_up(NULL, VRFT_UNKNOWN, (void *)ctx[2], (void *)ctx[3]);
	return 0;
}

/* vr_flow_action(router, fe, index, pkt, fmd) */
SEC("raw_tp")
int vrft_flow(__u64 *ctx)
{
	flow_looked_up((void *)ctx[1], ctx[2], (void *)ctx[3], (void *)ctx[4]);
	return 0;
}

/* vr_bridge_entry *bridge_lookup(mac, fmd) has returned */
SEC("raw_tp")
int vrft_mac(__u64 *ctx)
{
	mac_looked_up((void *)ctx[0], (void *)ctx[1], (void *)ctx[2]);
	return 0;
}

/* vr_nexthop *mtrie_lookup(vrf, request) has returned */
SEC("raw_tp")
int vrft_prefix(__u64 *ctx)
{
	prefix_looked_up(ctx[0], (void *)ctx[1], (void *)ctx[2]);
	return 0;
}
#endif
