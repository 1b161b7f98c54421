/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests and replies, independent of the transport.
 */
#ifndef VR_MESSAGE_H
#define VR_MESSAGE_H

#include <linux/list.h>
#include <linux/types.h>

/* Maximum size of a reply message. */
#define VR_MESSAGE_SIZE		(4096 - 128)

struct vr_message {
	struct list_head list;
	unsigned int len;
	u8 data[VR_MESSAGE_SIZE];
};

/*
 * Processes the sandesh structs of a request, one after the other, and
 * appends the replies to the queue. Returns -ENOMEM if out of memory; all other
 * errors are reported in the replies. Takes rtnl.
 */
int vr_message_request(const u8 *data, unsigned int len,
		       struct list_head *queue);

void vr_message_free_queue(struct list_head *queue);

#endif /* VR_MESSAGE_H */
