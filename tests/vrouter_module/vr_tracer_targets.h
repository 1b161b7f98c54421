/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions that tracers get wrong.
 *
 * They are apart from their callers, so that the compiler sees neither side's
 * constants and gives every argument its place in the calling convention.
 * All but the packet are small numbers, which no tracer takes for a pointer
 * without noticing.
 */
#ifndef VR_TRACER_TARGETS_H
#define VR_TRACER_TARGETS_H

#include <linux/skbuff.h>

#include "vr_packet.h"

typedef struct vr_packet vr_case_packet_t;
typedef struct vr_packet *vr_case_packet_ptr;

/* Passed by value: in one register, in two. */
struct vr_case_word {
	u32 low;
	u32 high;
};

struct vr_case_pair {
	u64 first;
	u64 second;
};

/* Calls itself depth times. */
unsigned int vr_case_recursion(struct vr_packet *pkt, unsigned int depth);

/* Two levels of pointer; the second points *pktp at another packet. */
unsigned int vr_case_pointer(struct vr_packet **pktp);
int vr_case_pointer_replace(unsigned long one, struct vr_packet **pktp);
unsigned int vr_case_pointer_const(struct vr_packet *const *pktp);
unsigned int vr_case_pointer_skb(struct sk_buff **pskb);
/* Three levels: no tracer's business. */
unsigned int vr_case_pointer_triple(struct vr_packet ***pktpp);

/* By number of the argument. Those from the seventh on are on the stack. */
unsigned int vr_case_fourth(unsigned long one, unsigned long two,
			    unsigned long three, struct vr_packet *pkt);
unsigned int vr_case_fifth(unsigned long one, unsigned long two,
			   unsigned long three, unsigned long four,
			   struct vr_packet *pkt);
unsigned int vr_case_sixth(unsigned long one, unsigned long two,
			   unsigned long three, unsigned long four,
			   unsigned long five, struct vr_packet *pkt);
unsigned int vr_case_sixth_skb(unsigned long one, unsigned long two,
			       unsigned long three, unsigned long four,
			       unsigned long five, struct sk_buff *skb);
unsigned int vr_case_seventh(unsigned long one, unsigned long two,
			     unsigned long three, unsigned long four,
			     unsigned long five, unsigned long six,
			     struct vr_packet *pkt);
/* More than 12 no trampoline takes. */
unsigned int vr_case_twelfth(unsigned long one, unsigned long two,
			     unsigned long three, unsigned long four,
			     unsigned long five, unsigned long six,
			     unsigned long seven, unsigned long eight,
			     unsigned long nine, unsigned long ten,
			     unsigned long eleven, struct vr_packet *pkt);

/* Behind a struct by value. The packet's position, and its register: */
unsigned int vr_case_struct_word(struct vr_case_word word,
				 struct vr_packet *pkt);	/* 2, 2 */
unsigned int vr_case_struct_pair(struct vr_case_pair pair,
				 struct vr_packet *pkt);	/* 2, 3 */
unsigned int vr_case_struct_memory(struct vr_packet copy,
				   struct vr_packet *pkt);	/* 2, 1 */
unsigned int vr_case_struct_split(unsigned long one, unsigned long two,
				  unsigned long three, unsigned long four,
				  unsigned long five, struct vr_case_pair pair,
				  struct vr_packet *pkt);	/* 7, 6 */
unsigned int vr_case_struct_full(struct vr_case_pair pair, unsigned long two,
				 unsigned long three, unsigned long four,
				 unsigned long five,
				 struct vr_packet *pkt);	/* 6, none */

/* Qualified and renamed. */
unsigned int vr_case_const(const struct vr_packet *pkt);
unsigned int vr_case_volatile(volatile struct vr_packet *pkt);
unsigned int vr_case_typedef(vr_case_packet_t *pkt);
unsigned int vr_case_typedef_pointer(vr_case_packet_ptr pkt);
unsigned int vr_case_typedef_const(const vr_case_packet_ptr pkt);
unsigned int vr_case_skb_const(const struct sk_buff *skb);

/* Ends in a jump to the other. */
unsigned int vr_case_tail(struct vr_packet *pkt);
unsigned int vr_case_tail_target(struct vr_packet *pkt);

/* What the packet lacks: the vif, the device, either, all, itself. */
unsigned int vr_case_no_vif(struct vr_packet *pkt);
unsigned int vr_case_no_dev(struct vr_packet *pkt);
unsigned int vr_case_only_iif(struct vr_packet *pkt);
unsigned int vr_case_nowhere(struct vr_packet *pkt);
unsigned int vr_case_null(struct vr_packet *pkt);

/* Each calls a static function vr_case_twin(), but not the same one. */
unsigned int vr_case_first_twin(struct vr_packet *pkt);
unsigned int vr_case_second_twin(struct vr_packet *pkt);

/* Calls functions that the compiler has given a suffix. */
unsigned int vr_case_suffix(struct vr_packet *pkt);

/* What is called before and after a sleep. */
unsigned int vr_sleepy_begin(struct vr_packet *pkt);
unsigned int vr_sleepy_end(struct vr_packet *pkt);

#endif /* VR_TRACER_TARGETS_H */
