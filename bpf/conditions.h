/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Conditions about what vrouter does with a packet, which may become known at
 * any of its calls. Until all are met, the packet is recorded, but user space
 * holds its events back.
 */
#ifndef VRFT_CONDITIONS_H
#define VRFT_CONDITIONS_H

static __always_inline __u32 wants(enum vrft_condition kind, __u32 number)
{
	const volatile struct vrft_numbers *wanted = &config.wanted[kind];
	__u32 i;

	for (i = 0; i < VRFT_MAX_NUMBERS; i++) {
		if (i < wanted->count && wanted->numbers[i] == number)
			return 1 << kind;
	}
	return 0;
}

static __always_inline __u32 read_u32(void *address)
{
	__u32 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

static __always_inline __u32 met_by_vif(void *vif)
{
	if (!vif)
		return 0;
	return wants(VRFT_CONDITION_VIF,
		     read_u16(vif + config.vif_idx_offset, false)) |
	       wants(VRFT_CONDITION_VRF,
		     read_u16(vif + config.vif_vrf_offset, false));
}

static __always_inline __u32 met_by_nexthop(void *nexthop)
{
	if (!nexthop)
		return 0;
	return wants(VRFT_CONDITION_NH,
		     read_u32(nexthop + config.nh_id_offset));
}

static __always_inline __u32 met_by_tunnel(struct sk_buff *skb)
{
	struct tunnel tunnel;

	if (find_tunnel(skb, &tunnel) == TUNNEL_VXLAN)
		return wants(VRFT_CONDITION_VNI, tunnel.number);
	if (tunnel.kind == TUNNEL_MPLS)
		return wants(VRFT_CONDITION_LABEL, tunnel.number);
	return 0;
}

/*
 * The conditions that a call shows to be met. A function of its own, as only
 * packets that are held back need it.
 */
static __attribute__((noinline)) __u32 meets(struct pt_regs *ctx, __u64 cookie)
{
	void *packet = packet_of(ctx, cookie, false);
	void *metadata;
	__u32 met;

	if (!packet)
		return 0;
	met = met_by_vif(companion(ctx, cookie, VRFT_COOKIE_VIF_SHIFT)) |
	      met_by_nexthop(companion(ctx, cookie,
				       VRFT_COOKIE_NEXTHOP_SHIFT));
	metadata = companion(ctx, cookie, VRFT_COOKIE_METADATA_SHIFT);
	if (metadata)
		met |= wants(VRFT_CONDITION_VRF,
			     read_u16(metadata + config.fmd_dvrf_offset, false));
	if (cookie & VRFT_COOKIE_VR_PACKET)
		met |= met_by_vif(read_pointer(packet + config.vp_if_offset,
					       false)) |
		       met_by_nexthop(read_pointer(packet +
						   config.vp_nh_offset, false));
	if (config.conditions &
	    (1 << VRFT_CONDITION_LABEL | 1 << VRFT_CONDITION_VNI))
		met |= met_by_tunnel(sk_buff_of(packet, cookie));
	return met;
}

#endif
