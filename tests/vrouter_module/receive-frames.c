// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the frames that come in by a device: what arrives at the far end.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vr_client.h"

#define FRAME_MAX	65000

static int usage(FILE *to)
{
	fputs("Usage: receive-frames DEVICE\n"
	      "\n"
	      "Prints the device's name once it listens, then each frame that comes in by it, in\n"
	      "hexadecimal, until its stdin ends.\n", to);
	return to == stdout ? 0 : 2;
}

static int open_device(const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int one = 1;

	if (!address.sll_ifindex)
		die("Cannot find the device", name, errno);
	/* Else what the device sends has clones while it is on its way. */
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("Cannot open a socket for", name, errno);
	return fd;
}

/* Prints what has come in until now. */
static void drain(int fd)
{
	static uint8_t frame[FRAME_MAX];
	ssize_t len, i;

	for (;;) {
		len = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);
		if (len < 0)
			break;
		for (i = 0; i < len; i++)
			printf("%02x", frame[i]);
		putchar('\n');
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct pollfd wait[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .events = POLLIN },
	};

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(stdout);
	if (argc != 2)
		return usage(stderr);

	wait[1].fd = open_device(argv[1]);
	puts(argv[1]);
	fflush(stdout);
	do {
		poll(wait, 2, -1);
		drain(wait[1].fd);
	} while (!wait[0].revents);
	return 0;
}
