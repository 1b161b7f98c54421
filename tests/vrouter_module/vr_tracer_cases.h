/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls that tracers get wrong, made by real packets on demand: while a case
 * is armed in /proc/vrouter_case, every ICMP echo request that comes in on a
 * virtual vif goes through it, and then on as ever. README.md lists them.
 */
#ifndef VR_TRACER_CASES_H
#define VR_TRACER_CASES_H

#include <linux/compiler.h>
#include <linux/types.h>

struct vr_packet;
struct vr_sleepy_batch;

extern unsigned int vr_tracer_case;

/* While this is false, the packets' path is the same as without any cases. */
static inline bool vr_tracer_case_armed(void)
{
	return unlikely(READ_ONCE(vr_tracer_case));
}

/* True if the packet was kept; it then goes on later. */
bool vr_tracer_case_input(struct vr_packet *pkt);

/* Sleeps in the middle, in process context. */
void vr_sleepy_input(struct vr_packet *pkt, struct vr_sleepy_batch *batch);

/* Waits until no packet is kept, as a vif must before it goes. */
void vr_tracer_cases_flush(void);

int vr_tracer_cases_init(void);
void vr_tracer_cases_exit(void);

#endif /* VR_TRACER_CASES_H */
