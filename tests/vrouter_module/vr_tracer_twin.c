// SPDX-License-Identifier: GPL-2.0
#include "vr_tracer_targets.h"

/* Same name as a function in vr_tracer_targets.c, with other parameters. */
static noinline unsigned int vr_case_twin(unsigned long one,
					  struct sk_buff *skb)
{
	return one + vr_case_skb_const(skb);
}

noinline unsigned int vr_case_second_twin(struct vr_packet *pkt)
{
	return vr_case_twin(pkt->vp_ttl, vp_os_packet(pkt));
}
