// SPDX-License-Identifier: GPL-2.0
#include <linux/minmax.h>

#include "vr_interface.h"
#include "vr_tracer_targets.h"

noinline unsigned int vr_case_recursion(struct vr_packet *pkt,
					unsigned int depth)
{
	unsigned int len = pkt_len(pkt);

	if (!depth)
		return len;

	/* Not a tail call, which would become a loop. */
	return max(len, vr_case_recursion(pkt, depth - 1));
}

noinline unsigned int vr_case_pointer(struct vr_packet **pktp)
{
	return pkt_len(*pktp);
}

noinline int vr_case_pointer_replace(unsigned long one, struct vr_packet **pktp)
{
	struct vr_packet *copy = vr_pclone(*pktp);

	if (!copy)
		return -ENOMEM;

	if (vr_pcow(&copy, 0)) {
		vr_pfree(copy, VP_DROP_PCOW_FAIL);
		return -ENOMEM;
	}

	vr_pfree(*pktp, VP_DROP_CLONED_ORIGINAL);
	*pktp = copy;
	return one;
}

noinline unsigned int vr_case_pointer_const(struct vr_packet *const *pktp)
{
	return pkt_len(*pktp);
}

noinline unsigned int vr_case_pointer_skb(struct sk_buff **pskb)
{
	return (*pskb)->len;
}

noinline unsigned int vr_case_pointer_triple(struct vr_packet ***pktpp)
{
	return pkt_len(**pktpp);
}

noinline unsigned int vr_case_fourth(unsigned long one, unsigned long two,
				     unsigned long three, struct vr_packet *pkt)
{
	return one + two + three + pkt_len(pkt);
}

noinline unsigned int vr_case_fifth(unsigned long one, unsigned long two,
				    unsigned long three, unsigned long four,
				    struct vr_packet *pkt)
{
	return one + two + three + four + pkt_len(pkt);
}

noinline unsigned int vr_case_sixth(unsigned long one, unsigned long two,
				    unsigned long three, unsigned long four,
				    unsigned long five, struct vr_packet *pkt)
{
	return one + two + three + four + five + pkt_len(pkt);
}

noinline unsigned int vr_case_sixth_skb(unsigned long one, unsigned long two,
					unsigned long three, unsigned long four,
					unsigned long five, struct sk_buff *skb)
{
	return one + two + three + four + five + skb->len;
}

noinline unsigned int vr_case_seventh(unsigned long one, unsigned long two,
				      unsigned long three, unsigned long four,
				      unsigned long five, unsigned long six,
				      struct vr_packet *pkt)
{
	return one + two + three + four + five + six + pkt_len(pkt);
}

noinline unsigned int vr_case_twelfth(unsigned long one, unsigned long two,
				      unsigned long three, unsigned long four,
				      unsigned long five, unsigned long six,
				      unsigned long seven, unsigned long eight,
				      unsigned long nine, unsigned long ten,
				      unsigned long eleven,
				      struct vr_packet *pkt)
{
	return one + two + three + four + five + six + seven + eight + nine +
	       ten + eleven + pkt_len(pkt);
}

noinline unsigned int vr_case_struct_word(struct vr_case_word word,
					  struct vr_packet *pkt)
{
	return word.low + word.high + pkt_len(pkt);
}

noinline unsigned int vr_case_struct_pair(struct vr_case_pair pair,
					  struct vr_packet *pkt)
{
	return pair.first + pair.second + pkt_len(pkt);
}

noinline unsigned int vr_case_struct_memory(struct vr_packet copy,
					    struct vr_packet *pkt)
{
	return copy.vp_len + pkt_len(pkt);
}

noinline unsigned int vr_case_struct_split(unsigned long one, unsigned long two,
					   unsigned long three,
					   unsigned long four,
					   unsigned long five,
					   struct vr_case_pair pair,
					   struct vr_packet *pkt)
{
	return one + two + three + four + five + pair.first + pair.second +
	       pkt_len(pkt);
}

noinline unsigned int vr_case_struct_full(struct vr_case_pair pair,
					  unsigned long two,
					  unsigned long three,
					  unsigned long four,
					  unsigned long five,
					  struct vr_packet *pkt)
{
	return pair.first + pair.second + two + three + four + five +
	       pkt_len(pkt);
}

noinline unsigned int vr_case_const(const struct vr_packet *pkt)
{
	return pkt->vp_len;
}

noinline unsigned int vr_case_volatile(volatile struct vr_packet *pkt)
{
	return pkt->vp_len;
}

noinline unsigned int vr_case_typedef(vr_case_packet_t *pkt)
{
	return pkt->vp_len;
}

noinline unsigned int vr_case_typedef_pointer(vr_case_packet_ptr pkt)
{
	return pkt->vp_len;
}

noinline unsigned int vr_case_typedef_const(const vr_case_packet_ptr pkt)
{
	return pkt->vp_len;
}

noinline unsigned int vr_case_skb_const(const struct sk_buff *skb)
{
	return skb->data_len;
}

noinline unsigned int vr_case_tail_target(struct vr_packet *pkt)
{
	return pkt_len(pkt);
}

noinline unsigned int vr_case_tail(struct vr_packet *pkt)
{
	return vr_case_tail_target(pkt);
}

noinline unsigned int vr_case_no_vif(struct vr_packet *pkt)
{
	return pkt_len(pkt);
}

noinline unsigned int vr_case_no_dev(struct vr_packet *pkt)
{
	return pkt_len(pkt);
}

noinline unsigned int vr_case_only_iif(struct vr_packet *pkt)
{
	return pkt_len(pkt);
}

noinline unsigned int vr_case_nowhere(struct vr_packet *pkt)
{
	return pkt_len(pkt);
}

noinline unsigned int vr_case_null(struct vr_packet *pkt)
{
	return pkt ? pkt->vp_flags : 0;
}

static noinline unsigned int vr_case_twin(struct vr_packet *pkt)
{
	return pkt_len(pkt);
}

noinline unsigned int vr_case_first_twin(struct vr_packet *pkt)
{
	return vr_case_twin(pkt);
}

/* The compiler passes vif_idx in place of the vif. */
static noinline unsigned int vr_case_isra(struct vr_packet *pkt,
					  const struct vr_interface *vif)
{
	return vif->vif_idx + pkt_len(pkt);
}

/* All callers pass the same width, so the compiler drops the argument. */
static noinline unsigned int vr_case_constprop(struct vr_packet *pkt,
					       unsigned int width)
{
	return pkt_len(pkt) / width;
}

noinline unsigned int vr_case_suffix(struct vr_packet *pkt)
{
	unsigned int sum;

	sum = vr_case_isra(pkt, pkt->vp_if);
	sum += vr_case_constprop(pkt, 8);
	if (sum)
		sum += vr_case_constprop(pkt, 8);

	return sum;
}

noinline unsigned int vr_sleepy_begin(struct vr_packet *pkt)
{
	return pkt_len(pkt);
}

noinline unsigned int vr_sleepy_end(struct vr_packet *pkt)
{
	return pkt_len(pkt);
}
