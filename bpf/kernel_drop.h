/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * The kernel's own drops of packets that are traced, by the tracepoint
 * skb:kfree_skb: no one function sees all of them. When vrouter drops a packet,
 * it comes here, too, but that is one drop. The location may be the trampoline
 * of a return probe: the calls tell the place.
 */
#ifndef VRFT_KERNEL_DROP_H
#define VRFT_KERNEL_DROP_H

static __always_inline void
record_kernel_drop(void *ctx, struct sk_buff *skb, __u64 location, __u32 reason)
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

	if (!config.drops)
		return;
	slot = find_packet(packet_tag(skb), &word);
	if (!alive(word) || !(word & VRFT_PACKET_KEPT) ||
	    !in_sight(skb, 0, DIRECT) || was_dropped_by_vrouter(cpu, word))
		return;
	/* NAPI makes empty ones to see how they are allocated. */
	if (!BPF_CORE_READ(skb, len))
		return;
	packet = vr_packet_of(skb);
	if (packet && config.vp_if_offset) {
		dropped.vif = read_pointer(packet + config.vp_if_offset, false);
		if (config.vp_nh_offset)
			dropped.nexthop = read_pointer(packet +
						       config.vp_nh_offset,
						       false);
	}
	drop = begin_drop(ctx, cpu, &dropped, VRFT_NO_FUNCTION, slot);
	if (drop)
		finish_drop(drop, cpu, word);
}

#ifdef VRFT_NEVER_NESTED
/* Where skb is the first argument, or the second one; if freed here at all. */
static __always_inline int kernel_drops(struct pt_regs *ctx, __u64 skb,
					__u32 reason)
{
	if (!control.enabled || !skb ||
	    BPF_CORE_READ((struct sk_buff *)skb, users.refs.counter) != 1)
		return 0;
	record_kernel_drop(ctx, (void *)skb,
			   (__u64)read_pointer((void *)ctx->sp, false), reason);
	return 0;
}

/* void kfree_skb(struct sk_buff *skb), until Linux 5.16 */
SEC("kprobe")
int vrft_kfree_skb(struct pt_regs *ctx)
{
	return kernel_drops(ctx, ctx->di, -1);
}

/* void kfree_skb_reason(struct sk_buff *skb, reason), until Linux 6.10 */
SEC("kprobe")
int vrft_kfree_skb_reason(struct pt_regs *ctx)
{
	return kernel_drops(ctx, ctx->di, ctx->si);
}

/* void sk_skb_reason_drop(struct sock *sk, struct sk_buff *skb, reason) */
SEC("kprobe")
int vrft_sk_skb_reason_drop(struct pt_regs *ctx)
{
	return kernel_drops(ctx, ctx->si, ctx->dx);
}
#else
/* skb:kfree_skb(skb, location, reason), since Linux 5.17 */
SEC("tp_btf/kfree_skb")
int vrft_kfree_skb(__u64 *ctx)
{
	void *skb;

	if (!control.enabled)
		return 0;
	/* Not by its type, as the verifier allows no arithmetic then. */
	bpf_probe_read_kernel(&skb, sizeof(skb), ctx);
	record_kernel_drop(ctx, skb, ctx[1], ctx[2]);
	return 0;
}
#endif

#endif
