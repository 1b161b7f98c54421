// SPDX-License-Identifier: GPL-2.0
/*
 * Drop counters: one set for the router, one per vif.
 */
#include <linux/cpumask.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vrouter.h"

int vr_stats_init(struct vrouter *router)
{
	unsigned int cpu;

	router->vr_pdrop_stats = kcalloc(nr_cpu_ids, sizeof(u64 *), GFP_KERNEL);
	if (!router->vr_pdrop_stats)
		return -ENOMEM;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		router->vr_pdrop_stats[cpu] =
			kcalloc(VP_DROP_MAX, sizeof(u64), GFP_KERNEL);
		if (!router->vr_pdrop_stats[cpu]) {
			vr_stats_exit(router);
			return -ENOMEM;
		}
	}

	return 0;
}

void vr_stats_exit(struct vrouter *router)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		kfree(router->vr_pdrop_stats[cpu]);
	kfree(router->vr_pdrop_stats);
	router->vr_pdrop_stats = NULL;
}

/*
 * A vif has an 8-bit counter per CPU and reason, which overflows into a 64-bit
 * counter for all CPUs.
 */
static void vif_count_drop(struct vr_interface *vif, unsigned int reason,
			   unsigned int cpu)
{
	struct vr_btable *table = vif->vif_pcpu_drop_stats;
	u8 *count = &table->vb_mem[cpu * VP_DROP_MAX + reason];

	if (likely(*count < U8_MAX)) {
		WRITE_ONCE(*count, *count + 1);
		return;
	}

	spin_lock(&vif->vif_drop_lock);
	WRITE_ONCE(*count, 0);
	vif->vif_drop_stats[reason] += U8_MAX + 1;
	spin_unlock(&vif->vif_drop_lock);
}

/*
 * The CPU is the one where the packet came in: a packet that was held is
 * counted there by another.
 */
void pkt_drop_stats(struct vr_interface *vif, unsigned short reason,
		    unsigned int cpu)
{
	if (WARN_ON_ONCE(reason >= VP_DROP_MAX))
		reason = VP_DROP_INVALID;

	local_bh_disable();
	router.vr_pdrop_stats[cpu][reason]++;
	if (vif)
		vif_count_drop(vif, reason, cpu);
	local_bh_enable();
}

u64 vr_drop_stats_get(struct vrouter *router, unsigned int reason, int cpu)
{
	u64 sum = 0;
	int i;

	if (cpu >= 0)
		return READ_ONCE(router->vr_pdrop_stats[cpu][reason]);

	for (i = 0; i < nr_cpu_ids; i++)
		sum += READ_ONCE(router->vr_pdrop_stats[i][reason]);

	return sum;
}

void vr_drop_stats_reset(struct vrouter *router)
{
	unsigned int cpu, reason;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		for (reason = 0; reason < VP_DROP_MAX; reason++)
			WRITE_ONCE(router->vr_pdrop_stats[cpu][reason], 0);
}

u64 vif_drop_stats_get(struct vr_interface *vif, unsigned int reason)
{
	unsigned int cpu;
	u64 sum;

	spin_lock_bh(&vif->vif_drop_lock);
	sum = vif->vif_drop_stats[reason];
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		sum += READ_ONCE(vif->vif_pcpu_drop_stats->vb_mem[cpu * VP_DROP_MAX + reason]);
	spin_unlock_bh(&vif->vif_drop_lock);

	return sum;
}

void vif_drop_stats_reset(struct vr_interface *vif)
{
	spin_lock_bh(&vif->vif_drop_lock);
	memset(vif->vif_drop_stats, 0, VP_DROP_MAX * sizeof(u64));
	memset(vif->vif_pcpu_drop_stats->vb_mem, 0,
	       vif->vif_pcpu_drop_stats->vb_entries);
	spin_unlock_bh(&vif->vif_drop_lock);
}
