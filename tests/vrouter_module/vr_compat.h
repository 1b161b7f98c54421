/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the supported kernels, 5.10 to 7.3.
 */
#ifndef VR_COMPAT_H
#define VR_COMPAT_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
/* Workqueues are per CPU by default. */
#define WQ_PERCPU 0
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)
/* References to devices are not tracked. */
typedef struct {} netdevice_tracker;

static inline void netdev_hold(struct net_device *dev,
			       netdevice_tracker *tracker, gfp_t gfp)
{
	dev_hold(dev);
}

static inline void netdev_put(struct net_device *dev,
			      netdevice_tracker *tracker)
{
	dev_put(dev);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
/* A table of sysctls ends with an empty entry. */
#define VR_SYSCTL_END {}
#else
#define VR_SYSCTL_END
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#define netif_napi_add(dev, napi, poll)	\
	((netif_napi_add)(dev, napi, poll, NAPI_POLL_WEIGHT))
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
/* skb->tstamp is never a delivery time. */
static inline void skb_clear_tstamp(struct sk_buff *skb)
{
	skb->tstamp = 0;
}
#endif

#endif /* VR_COMPAT_H */
