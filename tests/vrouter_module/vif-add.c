// SPDX-License-Identifier: GPL-2.0
/*
 * Adds vifs to the vRouter module, as an agent would.
 */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vr_client.h"

#define VIF_TYPE_PHYSICAL	2
#define VIF_TYPE_VIRTUAL	3
#define NO_MULTICAST_VRF	65535

/* What the stock utilities send. */
#define MTU_PHYSICAL		1514
#define MTU_VIRTUAL		9160
static const uint8_t vm_mac[] = { 0x00, 0x00, 0x5e, 0x00, 0x01, 0x00 };

static void device_mac(const char *name, uint8_t *mac)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request))
		die("Cannot read the MAC address of", name, errno);

	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static void add(const char *name, int idx, int type, int vrf, int flags)
{
	bool physical = type == VIF_TYPE_PHYSICAL;
	struct message message;
	uint8_t mac[6];
	int os_idx;

	os_idx = if_nametoindex(name);
	if (!os_idx)
		die("Cannot find the device", name, errno);
	memcpy(mac, vm_mac, sizeof(mac));
	if (physical)
		device_mac(name, mac);

	request_start(&message, "vr_interface_req");
	request_put(&message, TYPE_I32, 1, OP_ADD);
	request_put(&message, TYPE_I32, 3, type);
	request_put(&message, TYPE_I32, 4, flags);
	request_put(&message, TYPE_I32, 5, vrf);
	request_put(&message, TYPE_I32, 6, idx);
	request_put(&message, TYPE_I32, 8, os_idx);
	request_put(&message, TYPE_I32, 9, physical ? MTU_PHYSICAL : MTU_VIRTUAL);
	request_put_string(&message, 10, name);
	request_put_bytes(&message, 38, mac, sizeof(mac));
	request_put(&message, TYPE_I32, 63, NO_MULTICAST_VRF);
	request_send(&message, "Cannot add the vif", name);
}

static void add_many(const char *prefix, int first, int count)
{
	char name[IFNAMSIZ];
	int i;

	for (i = first; i < first + count; i++) {
		if (snprintf(name, sizeof(name), "%s%d", prefix, i) >= (int)sizeof(name))
			die("Name too long:", prefix, ENAMETOOLONG);
		add(name, i, VIF_TYPE_VIRTUAL, 0, 0);
	}
}

static void usage(FILE *to)
{
	fputs("Usage: vif-add NAME IDX [TYPE=3] [VRF=0] [FLAGS=0]\n"
	      "       vif-add --bulk PREFIX FIRST COUNT\n"
	      "\n"
	      "Adds the device NAME of this network namespace as vif IDX. TYPE is 2 for\n"
	      "the fabric and 3 for a VM. --bulk adds the devices PREFIX<n> as vifs n,\n"
	      "for n from FIRST on.\n", to);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	if (argc < 3 || argc > 6) {
		usage(stderr);
		return 2;
	}

	client_open();

	if (!strcmp(argv[1], "--bulk")) {
		if (argc != 5) {
			usage(stderr);
			return 2;
		}
		add_many(argv[2], number(argv[3]), number(argv[4]));
		return 0;
	}

	add(argv[1], number(argv[2]),
	    argc > 3 ? number(argv[3]) : VIF_TYPE_VIRTUAL,
	    argc > 4 ? number(argv[4]) : 0,
	    argc > 5 ? number(argv[5]) : 0);
	return 0;
}
