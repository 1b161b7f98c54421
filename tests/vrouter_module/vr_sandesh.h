/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The codec of "buffer sandesh", which is Thrift's binary encoding without
 * field names: a struct is its name, fields of type, id and value, and a
 * zero byte. All integers are big endian.
 */
#ifndef VR_SANDESH_H
#define VR_SANDESH_H

#include <linux/stddef.h>
#include <linux/types.h>

#define SANDESH_STOP	0
#define SANDESH_BOOL	2
#define SANDESH_BYTE	3
#define SANDESH_DOUBLE	4
#define SANDESH_I16	6
#define SANDESH_I32	8
#define SANDESH_U64	9
#define SANDESH_I64	10
#define SANDESH_STRING	11
#define SANDESH_STRUCT	12
#define SANDESH_MAP	13
#define SANDESH_SET	14
#define SANDESH_LIST	15
#define SANDESH_U16	19
#define SANDESH_U32	20

/*
 * The value of a string or list, elements in wire order. What was decoded
 * points into the message. NULL data means zeros.
 */
struct vr_sandesh_list {
	const void *data;
	unsigned int count;
};

/*
 * A field of a struct on the wire, and where its value is in the C struct.
 * Integers are stored in the C type of the sandesh type's width.
 */
struct vr_sandesh_field {
	u16 id;
	u8 type;
	u8 element;	/* of a list */
	u16 offset;	/* SANDESH_NO_VALUE: always zero or empty */
};

#define SANDESH_NO_VALUE	U16_MAX

/* A struct on the wire; the fields are written in this order. */
struct vr_sandesh_type {
	const char *name;
	const struct vr_sandesh_field *fields;
	unsigned int count;
};

/* Where a message is written to. */
struct vr_sandesh_writer {
	u8 *data;
	unsigned int len;
	unsigned int size;
};

/* What is left of a message. */
struct vr_sandesh_reader {
	const u8 *data;
	unsigned int len;
};

/* Returns -ENOSPC, and has written nothing, if the struct does not fit. */
int vr_sandesh_encode(struct vr_sandesh_writer *writer,
		      const struct vr_sandesh_type *type, const void *object);

/* Reads the name that a struct begins with; -EBADMSG if there is none. */
int vr_sandesh_read_name(struct vr_sandesh_reader *reader,
			 struct vr_sandesh_list *name);

/*
 * Reads the fields that follow. Unknown ones are skipped, as are those of
 * another type than expected; values of absent ones are left alone. Returns
 * -EBADMSG if the message ends early or has a type that does not exist.
 */
int vr_sandesh_decode(struct vr_sandesh_reader *reader,
		      const struct vr_sandesh_type *type, void *object);

#endif /* VR_SANDESH_H */
