// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "vr_tracer_cases.h"
#include "vrouter.h"

struct vrouter router;

static int vr_interface_init(void)
{
	router.vr_max_interfaces = VR_MAX_INTERFACES;
	router.vr_interfaces = kvcalloc(VR_MAX_INTERFACES,
					sizeof(*router.vr_interfaces),
					GFP_KERNEL);

	return router.vr_interfaces ? 0 : -ENOMEM;
}

static void vr_interface_exit(void)
{
	struct vr_interface *vif;
	unsigned int idx;

	rtnl_lock();
	for (idx = 0; idx < router.vr_max_interfaces; idx++) {
		vif = __vrouter_get_interface(&router, idx);
		if (vif)
			vr_interface_delete(vif);
	}
	rtnl_unlock();
}

static int __init vrouter_init(void)
{
	int err;

	err = vr_stats_init(&router);
	if (err)
		return err;
	err = vr_pkt_drop_log_init(&router);
	if (err)
		goto free_stats;
	err = vr_nexthop_init(&router);
	if (err)
		goto free_log;
	err = vr_interface_init();
	if (err)
		goto free_nexthops;
	err = vr_allocate_default_wq();
	if (err)
		goto free_interfaces;
	err = vr_flow_init(&router);
	if (err)
		goto free_wq;
	err = vr_tracer_cases_init();
	if (err)
		goto exit_flows;
	err = linux_if_init();
	if (err)
		goto exit_cases;
	err = vr_genetlink_init();
	if (err)
		goto exit_if;

	return 0;

exit_if:
	vr_interface_exit();
	linux_if_exit();
exit_cases:
	vr_tracer_cases_exit();
exit_flows:
	vr_flow_exit(&router);
free_wq:
	vr_destroy_default_wq();
free_interfaces:
	kvfree(router.vr_interfaces);
free_nexthops:
	vr_nexthop_exit();
free_log:
	vr_pkt_drop_log_exit(&router);
free_stats:
	vr_stats_exit(&router);
	return err;
}

/* Stops requests first, then packets, then frees the data of both. */
static void __exit vrouter_exit(void)
{
	vr_genetlink_exit();
	vr_interface_exit();
	linux_if_exit();
	vr_tracer_cases_exit();
	vr_destroy_default_wq();
	vr_fragment_exit();
	vr_flow_exit(&router);
	vr_bridge_exit();
	vr_inet_route_exit();
	vr_label_exit();
	vr_nexthop_exit();
	kvfree(router.vr_interfaces);
	vr_pkt_drop_log_exit(&router);
	vr_stats_exit(&router);
}

module_init(vrouter_init);
module_exit(vrouter_exit);

MODULE_DESCRIPTION("Stand-in for the vRouter module, to test tracers with");
MODULE_LICENSE("GPL");
