/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to the vRouter module, for the small programs of the guest: only the
 * part of the protocol that they need. All errors end the program.
 */
#ifndef VR_CLIENT_H
#define VR_CLIENT_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#define OP_ADD			0

#define TYPE_STOP		0
#define TYPE_BYTE		3
#define TYPE_I16		6
#define TYPE_I32		8
#define TYPE_U64		9
#define TYPE_STRING		11
#define TYPE_LIST		15
#define TYPE_U16		19
#define TYPE_U32		20

struct message {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	uint8_t data[4096];
};

void die(const char *what, const char *on, int err) __attribute__((noreturn));
int number(const char *text);
/* Connects to the module. Call it first. */
void client_open(void);

/* Starts the request for one struct. */
void request_start(struct message *message, const char *name);
/* A field with an integer of any type. */
void request_put(struct message *message, uint8_t type, uint16_t id,
		 uint64_t value);
void request_put_string(struct message *message, uint16_t id,
			const char *value);
void request_put_bytes(struct message *message, uint16_t id,
		       const uint8_t *bytes, size_t count);
/* A list of one integer. */
void request_put_i32s(struct message *message, uint16_t id, int32_t value);
/* Sends the request; dies if the module refuses it: "what on: error". */
void request_send(struct message *message, const char *what, const char *on);

#endif /* VR_CLIENT_H */
