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

/* Constant to the verifier, which removes what only other kinds need. */
static __always_inline bool asked(enum vrft_condition kind)
{
	return config.conditions >> kind & 1;
}

static __always_inline __u32 read_u32(void *address, bool direct)
{
	__u32 value = 0;

	if (direct)
		return VIEW(address, len);
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

static __always_inline __u32 met_by_vif(void *vif, bool direct)
{
	__u32 met = 0;

	if (!vif)
		return 0;
	if (asked(VRFT_CONDITION_VIF))
		met = wants(VRFT_CONDITION_VIF,
			    read_u16(vif + config.vif_idx_offset, direct));
	if (asked(VRFT_CONDITION_VRF))
		met |= wants(VRFT_CONDITION_VRF,
			     read_u16(vif + config.vif_vrf_offset, direct));
	return met;
}

static __always_inline __u32 met_by_nexthop(void *nexthop, bool direct)
{
	if (!nexthop)
		return 0;
	return wants(VRFT_CONDITION_NH,
		     read_u32(nexthop + config.nh_id_offset, direct));
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
 * packets that are held back need it. It runs at each of their calls.
 */
static __attribute__((noinline)) __u32 meets(struct pt_regs *ctx, __u64 cookie,
					     bool direct)
{
	void *packet = packet_of(ctx, cookie, direct);
	void *beside;
	__u32 met = 0;

	if (!packet)
		return 0;
	if (asked(VRFT_CONDITION_VIF) || asked(VRFT_CONDITION_VRF)) {
		met = met_by_vif(companion(ctx, cookie, VRFT_COOKIE_VIF_SHIFT),
				 direct);
		if (cookie & VRFT_COOKIE_VR_PACKET)
			met |= met_by_vif(read_pointer(packet +
						       config.vp_if_offset,
						       direct), direct);
	}
	if (asked(VRFT_CONDITION_VRF)) {
		beside = companion(ctx, cookie, VRFT_COOKIE_METADATA_SHIFT);
		if (beside)
			met |= wants(VRFT_CONDITION_VRF,
				     read_u16(beside + config.fmd_dvrf_offset,
					      direct));
	}
	if (asked(VRFT_CONDITION_NH)) {
		beside = companion(ctx, cookie, VRFT_COOKIE_NEXTHOP_SHIFT);
		met |= met_by_nexthop(beside, direct);
		if (cookie & VRFT_COOKIE_VR_PACKET)
			met |= met_by_nexthop(read_pointer(packet +
							   config.vp_nh_offset,
							   direct), direct);
	}
	if (asked(VRFT_CONDITION_LABEL) || asked(VRFT_CONDITION_VNI))
		met |= met_by_tunnel(sk_buff_of(packet, cookie));
	return met;
}

#endif
