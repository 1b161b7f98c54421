// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family "vrouter": one command with one attribute, which
 * contains sandesh structs. Its replies have quirks that clients rely on:
 *
 * - A "dump" is a plain request with several replies. They are flagged as
 *   parts of a multi-part message, and ended with NLMSG_DONE, only if there
 *   is more than one.
 * - nla_len of a reply is the length of the payload, without the header.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "vr_message.h"
#include "vrouter.h"

#define SANDESH_REQUEST			1

#define NL_ATTR_VR_MESSAGE_PROTOCOL	1
#define NL_ATTR_MAX			NL_ATTR_VR_MESSAGE_PROTOCOL

#define VR_GENL_HDRLEN			(GENL_HDRLEN + NLA_HDRLEN)

static struct genl_family vr_genl_family;

static int vr_genl_send_message(struct genl_info *info,
				const struct vr_message *message, int flags)
{
	struct nlmsghdr *nlh;
	struct sk_buff *skb;
	struct nlattr *attr;

	skb = nlmsg_new(VR_GENL_HDRLEN + message->len, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;

	/* nlmsg_put() pads and zeroes the padding. */
	nlh = nlmsg_put(skb, info->snd_portid, info->snd_seq, vr_genl_family.id,
			VR_GENL_HDRLEN + message->len, flags);
	if (!nlh) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}

	memcpy(nlmsg_data(nlh), info->genlhdr, GENL_HDRLEN);
	attr = nlmsg_data(nlh) + GENL_HDRLEN;
	attr->nla_len = message->len;
	attr->nla_type = NL_ATTR_VR_MESSAGE_PROTOCOL;
	memcpy(nla_data(attr), message->data, message->len);
	/* Multi-part messages of netlink give their padded length as well. */
	nlh->nlmsg_len = NLMSG_ALIGN(nlh->nlmsg_len);

	return genlmsg_unicast(genl_info_net(info), skb, info->snd_portid);
}

static int vr_genl_send_done(struct genl_info *info)
{
	struct sk_buff *skb = nlmsg_new(0, GFP_KERNEL);

	if (!skb)
		return -ENOMEM;

	if (!nlmsg_put(skb, info->snd_portid, info->snd_seq, NLMSG_DONE, 0, 0)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}

	return genlmsg_unicast(genl_info_net(info), skb, info->snd_portid);
}

static int vr_genl_send_queue(struct genl_info *info, struct list_head *queue)
{
	bool multi = !list_empty(queue) && !list_is_singular(queue);
	struct vr_message *message;
	int err;

	list_for_each_entry(message, queue, list) {
		err = vr_genl_send_message(info, message,
					   multi ? NLM_F_MULTI : 0);
		if (err)
			return err;
	}

	return multi ? vr_genl_send_done(info) : 0;
}

static int vr_genl_request(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[NL_ATTR_VR_MESSAGE_PROTOCOL];
	LIST_HEAD(queue);
	int err;

	if (!attr)
		return -EINVAL;

	err = vr_message_request(nla_data(attr), nla_len(attr), &queue);
	if (!err)
		err = vr_genl_send_queue(info, &queue);

	vr_message_free_queue(&queue);
	return err;
}

static const struct nla_policy vr_genl_policy[NL_ATTR_MAX + 1] = {
	[NL_ATTR_VR_MESSAGE_PROTOCOL] = { .type = NLA_BINARY },
};

static const struct genl_ops vr_genl_ops[] = {
	{
		.cmd = SANDESH_REQUEST,
		.doit = vr_genl_request,
		.flags = GENL_ADMIN_PERM,
		.validate = GENL_DONT_VALIDATE_STRICT,
	},
};

static const struct genl_multicast_group vr_genl_groups[] = {
	{ .name = "VRouterGroup" },
};

static struct genl_family vr_genl_family __ro_after_init = {
	.name = "vrouter",
	.version = 1,
	.maxattr = NL_ATTR_MAX,
	.policy = vr_genl_policy,
	.netnsok = true,
	.module = THIS_MODULE,
	.ops = vr_genl_ops,
	.n_ops = ARRAY_SIZE(vr_genl_ops),
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
	.resv_start_op = SANDESH_REQUEST + 1,
#endif
	.mcgrps = vr_genl_groups,
	.n_mcgrps = ARRAY_SIZE(vr_genl_groups),
};

int vr_genetlink_init(void)
{
	return genl_register_family(&vr_genl_family);
}

void vr_genetlink_exit(void)
{
	genl_unregister_family(&vr_genl_family);
}
