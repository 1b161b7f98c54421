// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/string.h>

#include "vr_message.h"
#include "vr_requests.h"
#include "vrouter.h"

/* Result for a request that cannot be parsed. */
#define VR_RESPONSE_UNREADABLE	(-1)

union vr_request {
	s32 h_op;	/* the first member of each of them */
	struct vr_interface_req vif;
	struct vr_drop_stats_req drop_stats;
	struct vr_pkt_drop_log_req drop_log;
	struct vr_flow_req flow;
	struct vr_hugepage_config hugepage;
	struct vr_nexthop_req nexthop;
	struct vr_mpls_req mpls;
	struct vr_vxlan_req vxlan;
	struct vr_route_message route;
};

static struct vr_message *vr_message_alloc(struct list_head *queue)
{
	struct vr_message *message = kmalloc(sizeof(*message), GFP_KERNEL);

	if (!message)
		return NULL;

	message->len = 0;
	list_add_tail(&message->list, queue);
	return message;
}

void vr_message_free_queue(struct list_head *queue)
{
	struct vr_message *message, *next;

	list_for_each_entry_safe(message, next, queue, list) {
		list_del(&message->list);
		kfree(message);
	}
}

/* Appends a struct to a message; -ENOSPC if it does not fit. */
static int vr_message_add(struct vr_message *message,
			  const struct vr_sandesh_type *type,
			  const void *object)
{
	struct vr_sandesh_writer writer = {
		.data = message->data,
		.len = message->len,
		.size = sizeof(message->data),
	};
	int err = vr_sandesh_encode(&writer, type, object);

	message->len = writer.len;
	return err;
}

/* Starts a reply, with the result first. */
static struct vr_message *vr_message_respond(struct list_head *queue, int code)
{
	const struct vr_response response = {
		.h_op = SANDESH_OP_RESPONSE,
		.resp_code = code,
	};
	struct vr_message *message = vr_message_alloc(queue);

	if (message)
		vr_message_add(message, &vr_response_type, &response);
	return message;
}

/* A reply with only the result. */
static int vr_send_response(struct list_head *queue, int code)
{
	return vr_message_respond(queue, code) ? 0 : -ENOMEM;
}

/* A reply of the result and one struct. */
static int vr_send_object(struct list_head *queue,
			  const struct vr_sandesh_type *type,
			  const void *object)
{
	struct vr_message *message = vr_message_respond(queue, 0);

	return message ? vr_message_add(message, type, object) : -ENOMEM;
}

/* A CPU's number plus one, or 0 for all of them. */
static bool vr_core_valid(unsigned int core)
{
	return core <= nr_cpu_ids;
}

static int vr_interface_process_add(const struct vr_interface_req *req)
{
	struct vr_interface *vif;

	/* Internal vifs cannot be added or changed. */
	if (req->vifr_idx < 0 || req->vifr_idx >= VR_VIF_PKT3 ||
	    req->vifr_type == VIF_TYPE_STATS)
		return -EINVAL;

	vif = __vrouter_get_interface(&router, req->vifr_idx);
	return vif ? vr_interface_change(vif, req) : vr_interface_add(req);
}

static struct vr_interface *
vr_interface_find(const struct vr_interface_req *req)
{
	if (req->vifr_idx >= 0 && req->vifr_idx < VR_MAX_INTERFACES)
		return __vrouter_get_interface(&router, req->vifr_idx);

	return vrouter_get_interface_by_os_idx(&router, req->vifr_os_idx);
}

static int vr_interface_process_delete(const struct vr_interface_req *req)
{
	struct vr_interface *vif = vr_interface_find(req);

	if (!vif)
		return -ENOENT;
	if (vif->vif_type == VIF_TYPE_STATS)
		return -EPERM;

	vr_interface_delete(vif);
	return 0;
}

static void vif_make_drop_stats_req(struct vr_drop_stats_req *req,
				    struct vr_interface *vif)
{
	unsigned int reason;

	memset(req, 0, sizeof(*req));
	for (reason = 0; reason < VP_DROP_MAX; reason++)
		req->vds_drops[reason] = vif_drop_stats_get(vif, reason);
}

/* Appends a vif's record, and its drop counters if requested. */
static int vr_interface_dump_one(struct vr_message *page,
				 struct vr_interface *vif,
				 const struct vr_interface_req *req)
{
	unsigned int start = page->len;
	struct vr_drop_stats_req drops;
	struct vr_interface_req record;
	int err;

	vr_interface_make_req(&record, vif, req->vifr_core);
	err = vr_message_add(page, &vr_interface_req_type, &record);
	if (err || !(req->vifr_flags & VIF_FLAG_GET_DROP_STATS))
		return err;

	vif_make_drop_stats_req(&drops, vif);
	err = vr_message_add(page, &vr_drop_stats_req_type, &drops);
	if (err)
		page->len = start;
	return err;
}

static int vr_interface_process_get(const struct vr_interface_req *req,
				    struct list_head *queue)
{
	struct vr_interface *vif = vr_interface_find(req);
	struct vr_message *message;

	if (!vif)
		return vr_send_response(queue, -ENOENT);
	if (!vr_core_valid(req->vifr_core))
		return vr_send_response(queue, -EINVAL);

	message = vr_message_respond(queue, 0);
	return message ? vr_interface_dump_one(message, vif, req) : -ENOMEM;
}

/* Fills a page. Returns its number of vifs, and whether there are more. */
static int vr_interface_dump_page(struct vr_message *page,
				  const struct vr_interface_req *req)
{
	unsigned int idx = (unsigned int)req->vifr_marker + 1;
	struct vr_interface *vif;
	int count = 0;

	for (; idx < router.vr_max_interfaces; idx++) {
		vif = __vrouter_get_interface(&router, idx);
		if (!vif)
			continue;
		if (vr_interface_dump_one(page, vif, req))
			return count | VR_MESSAGE_DUMP_INCOMPLETE;
		count++;
	}

	return count;
}

/* Two messages, the result and a page of records; one if the page is empty. */
static int vr_interface_process_dump(const struct vr_interface_req *req,
				     struct list_head *queue)
{
	struct vr_message *page;
	LIST_HEAD(pages);
	int code, err;

	if (!vr_core_valid(req->vifr_core))
		return vr_send_response(queue, -EINVAL);

	page = vr_message_alloc(&pages);
	if (!page)
		return -ENOMEM;

	code = vr_interface_dump_page(page, req);
	err = vr_send_response(queue, code);
	if (!err && page->len)
		list_splice_tail_init(&pages, queue);

	vr_message_free_queue(&pages);
	return err;
}

static int vr_interface_process_reset(const struct vr_interface_req *req)
{
	struct vr_interface *vif;
	unsigned int idx;

	if (req->vifr_idx >= 0) {
		vif = __vrouter_get_interface(&router, req->vifr_idx);
		if (!vif)
			return -ENOENT;
		vr_interface_reset_stats(vif);
		return 0;
	}

	for (idx = 0; idx < router.vr_max_interfaces; idx++) {
		vif = __vrouter_get_interface(&router, idx);
		if (vif)
			vr_interface_reset_stats(vif);
	}

	return 0;
}

static int vr_interface_req_process(const union vr_request *request,
				    struct list_head *queue)
{
	const struct vr_interface_req *req = &request->vif;

	switch (req->h_op) {
	case SANDESH_OP_ADD:
		return vr_send_response(queue, vr_interface_process_add(req));
	case SANDESH_OP_GET:
		return vr_interface_process_get(req, queue);
	case SANDESH_OP_DEL:
		return vr_send_response(queue, vr_interface_process_delete(req));
	case SANDESH_OP_DUMP:
		return vr_interface_process_dump(req, queue);
	case SANDESH_OP_RESET:
		return vr_send_response(queue, vr_interface_process_reset(req));
	default:
		return vr_send_response(queue, -EOPNOTSUPP);
	}
}

static int vr_drop_stats_get_process(const struct vr_drop_stats_req *req,
				     struct list_head *queue)
{
	struct vr_drop_stats_req reply = {};
	unsigned int reason;

	/* No CPU has drops that does not exist. */
	if (req->vds_core < 0 || !vr_core_valid(req->vds_core))
		return vr_send_object(queue, &vr_drop_stats_req_type, &reply);

	for (reason = 0; reason < VP_DROP_MAX; reason++)
		reply.vds_drops[reason] =
			vr_drop_stats_get(&router, reason, req->vds_core - 1);

	return vr_send_object(queue, &vr_drop_stats_req_type, &reply);
}

static int vr_drop_stats_req_process(const union vr_request *request,
				     struct list_head *queue)
{
	switch (request->drop_stats.h_op) {
	case SANDESH_OP_GET:
		return vr_drop_stats_get_process(&request->drop_stats, queue);
	case SANDESH_OP_RESET:
		vr_drop_stats_reset(&router);
		return vr_send_response(queue, 0);
	default:
		return vr_send_response(queue, -EOPNOTSUPP);
	}
}

/* Clearing the log has no reply. */
static int vr_pkt_drop_log_req_process(const union vr_request *request,
				       struct list_head *queue)
{
	struct vr_pkt_drop_log_req reply;

	switch (request->drop_log.h_op) {
	case SANDESH_OP_GET:
		vr_pkt_drop_log_get(&router, &request->drop_log, &reply);
		return vr_send_object(queue, &vr_pkt_drop_log_req_type, &reply);
	case SANDESH_OP_RESET:
		vr_pkt_drop_log_clear(&router);
		return 0;
	default:
		return vr_send_response(queue, -EOPNOTSUPP);
	}
}

static int vr_flow_req_process(const union vr_request *request,
			       struct list_head *queue)
{
	struct vr_flow_response reply = {};
	int err = vr_flow_set(&router, &request->flow, &reply);

	return err ? vr_send_response(queue, err) :
		     vr_send_object(queue, &vr_flow_response_type, &reply);
}

/* Allocates nothing; replies like a host without an agent. */
static int vr_hugepage_config_process(const union vr_request *request,
				      struct list_head *queue)
{
	const struct vr_hugepage_config reply = {
		.vhp_resp = -ENOENT,
	};

	if (request->hugepage.vhp_op != SANDESH_OP_ADD)
		return vr_send_response(queue, -EOPNOTSUPP);

	return vr_send_object(queue, &vr_hugepage_config_type, &reply);
}

static int vr_nexthop_change(const union vr_request *request, bool add)
{
	return add ? vr_nexthop_add(&router, &request->nexthop) :
		     vr_nexthop_delete(&router, &request->nexthop);
}

/* Appends a nexthop's record. */
static int vr_nexthop_dump_one(struct vr_message *page,
			       const struct vr_nexthop *nh)
{
	struct vr_nexthop_record *record = vr_nexthop_record_alloc(nh);
	int err;

	if (!record)
		return -ENOMEM;

	err = vr_message_add(page, &vr_nexthop_req_type,
			     vr_nexthop_record_req(record));
	vr_nexthop_record_free(record);
	return err;
}

/* Likewise: the number of nexthops, and whether there are more. */
static int vr_nexthop_dump_page(struct vr_message *page, int marker)
{
	struct vr_nexthop *nh;
	int count = 0;

	for (nh = vr_nexthop_after(&router, marker); nh;
	     nh = vr_nexthop_after(&router, nh->nh_id)) {
		if (vr_nexthop_dump_one(page, nh))
			return count | VR_MESSAGE_DUMP_INCOMPLETE;
		count++;
	}

	return count;
}

static int vr_nexthop_process_dump(const struct vr_nexthop_req *req,
				   struct list_head *queue)
{
	struct vr_message *page;
	LIST_HEAD(pages);
	int err;

	page = vr_message_alloc(&pages);
	if (!page)
		return -ENOMEM;

	err = vr_send_response(queue,
			       vr_nexthop_dump_page(page, req->nhr_marker));
	if (!err && page->len)
		list_splice_tail_init(&pages, queue);

	vr_message_free_queue(&pages);
	return err;
}

static int vr_nexthop_req_process(const union vr_request *request,
				  struct list_head *queue)
{
	switch (request->h_op) {
	case SANDESH_OP_ADD:
	case SANDESH_OP_DEL:
		return vr_send_response(queue,
			vr_nexthop_change(request,
					  request->h_op == SANDESH_OP_ADD));
	case SANDESH_OP_DUMP:
		return vr_nexthop_process_dump(&request->nexthop, queue);
	default:
		return vr_send_response(queue, -EOPNOTSUPP);
	}
}

static int vr_mpls_change(const union vr_request *request, bool add)
{
	return add ? vr_mpls_add(&router, &request->mpls) :
		     vr_mpls_delete(&request->mpls);
}

static int vr_vxlan_change(const union vr_request *request, bool add)
{
	return add ? vr_vxlan_add(&router, &request->vxlan) :
		     vr_vxlan_delete(&request->vxlan);
}

/* Routes of MAC addresses to nexthops that were added by a request. */
static int vr_bridge_route_change(const struct vr_route_message *req, bool add)
{
	bool labelled = req->rtr_label_flags & VR_BE_LABEL_VALID_FLAG;
	struct vr_nexthop *nh;

	if (req->rtr_mac.count != ETH_ALEN || req->rtr_vrf_id < 0 ||
	    req->rtr_vrf_id >= VR_MAX_VRFS)
		return -EINVAL;
	if (!add)
		return vr_bridge_delete(req->rtr_vrf_id, req->rtr_mac.data);

	nh = vr_nexthop_get_requested(&router, req->rtr_nh_id);
	return nh ? vr_bridge_set(req->rtr_vrf_id, req->rtr_mac.data, nh,
				  labelled ? req->rtr_label : -1) :
		    -EINVAL;
}

static int vr_route_change(const union vr_request *request, bool add)
{
	const struct vr_route_message *req = &request->route;

	switch (req->rtr_family) {
	case AF_BRIDGE:
		return vr_bridge_route_change(req, add);
	case AF_INET:
		return add ? vr_inet_route_add(&router, req) :
			     vr_inet_route_delete(req);
	default:
		return -EINVAL;
	}
}

static const struct vr_request_type {
	const struct vr_sandesh_type *sandesh;
	int (*process)(const union vr_request *request,
		       struct list_head *queue);
	/* Instead of process, for what can only be added and deleted. */
	int (*change)(const union vr_request *request, bool add);
} vr_request_types[] = {
	{ &vr_interface_req_type, vr_interface_req_process },
	{ &vr_drop_stats_req_type, vr_drop_stats_req_process },
	{ &vr_pkt_drop_log_req_type, vr_pkt_drop_log_req_process },
	{ &vr_flow_req_type, vr_flow_req_process },
	{ &vr_hugepage_config_type, vr_hugepage_config_process },
	{ &vr_nexthop_req_type, vr_nexthop_req_process },
	{ &vr_mpls_req_type, .change = vr_mpls_change },
	{ &vr_vxlan_req_type, .change = vr_vxlan_change },
	{ &vr_route_req_type, .change = vr_route_change },
};

static const struct vr_request_type *
vr_request_find(const struct vr_sandesh_list *name)
{
	const char *known;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vr_request_types); i++) {
		known = vr_request_types[i].sandesh->name;
		if (name->count == strlen(known) &&
		    !memcmp(name->data, known, name->count))
			return &vr_request_types[i];
	}

	return NULL;
}

/* Reads the next struct into request. NULL if its type is unknown. */
static const struct vr_request_type *
vr_request_read(struct vr_sandesh_reader *reader, union vr_request *request)
{
	const struct vr_request_type *type;
	struct vr_sandesh_list name;

	if (vr_sandesh_read_name(reader, &name))
		return NULL;

	type = vr_request_find(&name);
	if (!type)
		return NULL;

	memset(request, 0, sizeof(*request));
	return vr_sandesh_decode(reader, type->sandesh, request) ? NULL : type;
}

static int vr_request_process(const struct vr_request_type *type,
			      const union vr_request *request,
			      struct list_head *queue)
{
	int err = -EOPNOTSUPP;

	if (type->process)
		return type->process(request, queue);

	if (request->h_op == SANDESH_OP_ADD || request->h_op == SANDESH_OP_DEL)
		err = type->change(request, request->h_op == SANDESH_OP_ADD);
	return vr_send_response(queue, err);
}

int vr_message_request(const u8 *data, unsigned int len,
		       struct list_head *queue)
{
	struct vr_sandesh_reader reader = { data, len };
	const struct vr_request_type *type;
	union vr_request request;
	int err = 0;

	while (reader.len && !err) {
		type = vr_request_read(&reader, &request);
		/* The start of the next struct is unknown, too. */
		if (!type)
			return vr_send_response(queue, VR_RESPONSE_UNREADABLE);

		rtnl_lock();
		err = vr_request_process(type, &request, queue);
		rtnl_unlock();
	}

	return err;
}
