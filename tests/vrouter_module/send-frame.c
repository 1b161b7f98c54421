// SPDX-License-Identifier: GPL-2.0
/*
 * Sends a frame as it is, for packets that no program of the guest would send.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vr_client.h"

#define FRAME_MAX	65000

static int usage(FILE *to)
{
	fputs("Usage: send-frame DEVICE HEX [LENGTH [GSO_SIZE]]\n"
	      "\n"
	      "Sends the bytes, with zeros up to LENGTH, out of DEVICE; if that is a tap device,\n"
	      "into it, as a virtual machine does. With GSO_SIZE, it is a packet of TCP over\n"
	      "IPv4 that is to be cut into segments of that size.\n", to);
	return to == stdout ? 0 : 2;
}

/* As the virtual machine at the other end of a tap device; -1 if it is none. */
static int open_tap(const char *name)
{
	struct ifreq request = {
		.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
	};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		return -1;
	return fd;
}

static bool is_tap(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/tun_flags", name);
	return !access(path, F_OK);
}

static int open_device(const char *name, int header)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (!address.sll_ifindex)
		die("Cannot find the device", name, errno);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("Cannot open a socket for", name, errno);
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &header, sizeof(header)))
		die("Cannot set up the socket for", name, errno);
	return fd;
}

static size_t parse(const char *text, uint8_t *bytes)
{
	size_t len = 0;

	for (; text[0]; text += 2) {
		if (len == FRAME_MAX || sscanf(text, "%2hhx", &bytes[len++]) != 1 || !text[1])
			die("Not the bytes of a frame:", text, EINVAL);
	}
	return len;
}

int main(int argc, char **argv)
{
	static struct {
		struct virtio_net_hdr header;
		uint8_t bytes[FRAME_MAX];
	} __attribute__((packed)) frame;
	int gso = argc > 4 ? number(argv[4]) : 0;
	size_t len, wanted;
	int fd;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(stdout);
	if (argc < 3 || argc > 5)
		return usage(stderr);

	len = parse(argv[2], frame.bytes);
	wanted = argc > 3 ? (size_t)number(argv[3]) : 0;
	if (wanted > FRAME_MAX)
		die("Too long:", argv[3], EINVAL);
	if (wanted > len)
		len = wanted;
	if (gso) {
		/* Behind Ethernet and IPv4; checksums are made by the segments. */
		frame.header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		frame.header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		frame.header.gso_size = gso;
		frame.header.hdr_len = 14 + 20 + 20;
		frame.header.csum_start = 14 + 20;
		frame.header.csum_offset = 16;
	}

	fd = is_tap(argv[1]) ? open_tap(argv[1]) : open_device(argv[1], 1);
	if (fd < 0)
		die("Cannot open the tap device", argv[1], errno);
	if (write(fd, &frame, sizeof(frame.header) + len) < 0)
		die("Cannot send on", argv[1], errno);
	return 0;
}
