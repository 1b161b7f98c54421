// SPDX-License-Identifier: GPL-2.0
/*
 * Adds a VXLAN tunnel to the vRouter module, and the route of a MAC address to it,
 * as an agent would.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "vr_client.h"

#define NH_TUNNEL		3
#define NH_FLAG_VALID		0x01
#define NH_FLAG_TUNNEL_VXLAN	0x80
#define LABEL_VALID		0x2
#define MAC_LEN			6

static uint32_t address(const char *text)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		die("Not an IPv4 address:", text, EINVAL);
	return in.s_addr;
}

static void parse_mac(const char *text, uint8_t *mac)
{
	char rest;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1],
		   &mac[2], &mac[3], &mac[4], &mac[5], &rest) != MAC_LEN)
		die("Not a MAC address:", text, EINVAL);
}

static int usage(FILE *to)
{
	fputs("Usage: vxlan-add NH VRF MAC VNI SOURCE DESTINATION NEXT_MAC OUR_MAC [VIF=0]\n"
	      "\n"
	      "Adds the nexthop NH, a VXLAN tunnel from SOURCE to DESTINATION that leaves by\n"
	      "the fabric VIF for NEXT_MAC, and sends frames for MAC in VRF through it.\n", to);
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	uint8_t mac[MAC_LEN], link[2 * MAC_LEN + 2] = { [2 * MAC_LEN] = 0x08 };
	struct message message;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(stdout);
	if (argc < 9 || argc > 10)
		return usage(stderr);

	parse_mac(argv[3], mac);
	parse_mac(argv[7], link);
	parse_mac(argv[8], link + MAC_LEN);
	client_open();

	request_start(&message, "vr_nexthop_req");
	request_put(&message, TYPE_I32, 1, OP_ADD);
	request_put(&message, TYPE_BYTE, 2, NH_TUNNEL);
	request_put(&message, TYPE_I32, 4, number(argv[1]));
	request_put_i32s(&message, 6, argc > 9 ? number(argv[9]) : 0);
	request_put(&message, TYPE_I32, 7, sizeof(link));
	request_put(&message, TYPE_U32, 10, address(argv[5]));
	request_put(&message, TYPE_U32, 11, address(argv[6]));
	request_put(&message, TYPE_U32, 16, NH_FLAG_VALID | NH_FLAG_TUNNEL_VXLAN);
	request_put_bytes(&message, 17, link, sizeof(link));
	request_send(&message, "Cannot add the nexthop", argv[1]);

	request_start(&message, "vr_route_req");
	request_put(&message, TYPE_I32, 1, OP_ADD);
	request_put(&message, TYPE_I32, 2, number(argv[2]));
	request_put(&message, TYPE_I32, 3, AF_BRIDGE);
	request_put(&message, TYPE_I16, 7, LABEL_VALID);
	request_put(&message, TYPE_I32, 8, number(argv[4]));
	request_put(&message, TYPE_I32, 9, number(argv[1]));
	request_put_bytes(&message, 12, mac, sizeof(mac));
	request_send(&message, "Cannot add the route of", argv[3]);
	return 0;
}
