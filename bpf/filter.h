/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* Does the packet of a call belong to a chosen interface? */
#ifndef VRFT_FILTER_H
#define VRFT_FILTER_H

struct vrft_control control = {};
const volatile struct vrft_config config = {
	.record_version = VRFT_RECORD_VERSION,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);		/* interfaces, set by user space */
	__type(key, struct vrft_interface);
	__type(value, __u8);
} interfaces SEC(".maps");

static __always_inline bool bit(const __u64 *bits, __u32 index)
{
	__u32 word = (index % VRFT_BITMAP_BITS) / 64;

	return bits[word] >> (index % 64) & 1;
}

/*
 * Most packets of a busy host are not chosen, so most questions end at the
 * bitmap. Where its bit is set, the namespace decides: an ifindex says
 * nothing outside its own.
 */
static __always_inline bool chosen(__u32 netns, __u32 ifindex)
{
	struct vrft_interface key = { .netns = netns, .ifindex = ifindex };

	return bpf_map_lookup_elem(&interfaces, &key);
}

/*
 * The namespace that skb_iif belongs to is the device's. While a socket owns
 * the packet, dev is NULL or other data in its place (a union): then it is
 * the socket's. A packet with neither is of the namespace otherwise.
 */
static __always_inline __u32 namespace(struct sk_buff *skb,
				       struct net_device *dev, __u32 otherwise)
{
	struct net *net = dev ? BPF_CORE_READ(dev, nd_net.net) : NULL;

	if (!net)
		net = BPF_CORE_READ(skb, sk, __sk_common.skc_net.net);
	return net ? BPF_CORE_READ(net, ns.inum) : otherwise;
}

static __always_inline bool accepts_skb(struct sk_buff *skb, __u32 otherwise)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	__u32 ifindex = dev ? BPF_CORE_READ(dev, ifindex) : 0;
	__u32 iif = BPF_CORE_READ(skb, skb_iif);
	bool dev_bit = bit(control.interface_bits, ifindex);
	bool iif_bit = bit(control.interface_bits, iif);
	__u32 netns;

	if (!dev_bit && !iif_bit)
		return false;
	netns = namespace(skb, dev, otherwise);
	return (dev_bit && chosen(netns, ifindex)) ||
	       (iif_bit && chosen(netns, iif));
}

static __always_inline bool accepts_vr_packet(void *packet)
{
	__u32 cb = bpf_core_field_offset(struct sk_buff, cb);
	void *vif = NULL;
	__u16 index;

	/*
	 * A vr_packet lives in the control buffer of its sk_buff. vrouter
	 * knows devices of one namespace only.
	 */
	if (accepts_skb(packet - cb, config.vrouter_netns))
		return true;
	if (bpf_probe_read_kernel(&vif, sizeof(vif),
				  packet + config.vp_if_offset) || !vif)
		return false;
	if (bpf_probe_read_kernel(&index, sizeof(index),
				  vif + config.vif_idx_offset))
		return false;
	return bit(control.vif_bits, index);
}

/*
 * The argument in integer register 1..6 of the calling convention. Every
 * register is read first, each behind a barrier: otherwise the compiler may
 * turn the choice into arithmetic on ctx, which the verifier refuses.
 */
static __always_inline void *argument(struct pt_regs *ctx, __u32 number)
{
	__u64 di = ctx->di, si = ctx->si, dx = ctx->dx;
	__u64 cx = ctx->cx, r8 = ctx->r8, r9 = ctx->r9;

	asm volatile("" : "+r"(di), "+r"(si), "+r"(dx));
	asm volatile("" : "+r"(cx), "+r"(r8), "+r"(r9));
	switch (number) {
	case 1: return (void *)di;
	case 2: return (void *)si;
	case 3: return (void *)dx;
	case 4: return (void *)cx;
	case 5: return (void *)r8;
	default: return (void *)r9;
	}
}

static __always_inline bool accepts(struct pt_regs *ctx, __u64 cookie)
{
	__u32 number = cookie >> VRFT_COOKIE_REGISTER_SHIFT &
		       VRFT_COOKIE_REGISTER_MASK;
	void *packet;

	if (!control.enabled)
		return false;
	packet = argument(ctx, number);
	if (cookie & VRFT_COOKIE_INDIRECT &&
	    bpf_probe_read_kernel(&packet, sizeof(packet), packet))
		return false;
	if (!packet)
		return false;
	if (cookie & VRFT_COOKIE_VR_PACKET)
		return accepts_vr_packet(packet);
	return accepts_skb(packet, 0);
}

#endif
