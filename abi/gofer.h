/* abi/gofer.h - what guest kernel and gofer say to each other over a channel of abi/ring.h
 *
 * Provides: the request and reply structs, the encodings in the data area and their limits. The
 *   helpers both ends write and check them with are in abi/gofer_codec.h.
 * Owns: handles belong to the server; a handle named in a reply is the guest's to close.
 * A request is a slot: the guest writes the request at ABI_GOFER_REQUEST_OFF, puts the slot's
 *   number on the request ring, and does not touch the slot until that number comes back on the
 *   completion ring, in any order. The reply is then at ABI_GOFER_REPLY_OFF. The server copies the
 *   request once into its own memory, the guest the reply; both check only their copy.
 * Data area: `in` is what the request brings (names, file content, values), `out` where the answer
 *   may be written. Who carves it up is the guest; the server checks both ranges and no more.
 *   A slot number that is already in flight, or none of the table's, closes the channel. Any other
 *   nonsense is answered with -EINVAL.
 * Handles: 32 bits, 16 of index and 16 of generation; 0 names none. A path handle (attach, walk,
 *   create ...) stands for an inode, an open handle (open, walk and create with open_flags) for an
 *   open file. Where a file is needed, a path handle of a regular file or directory will do for
 *   reading: the server opens it at the first use. Devices, FIFOs and sockets are never opened.
 * Errors: reply.error is 0 or a negative Linux errno. -ENFILE: close handles, try again.
 * Byte order: little-endian. Tests: test/unit/gofer/, test/fuzz/gofer_request.c, gofer_reply.c
 *
 * Slot, ABI_GOFER_SLOT_SIZE = 512 bytes: request at 0, reply at 256, the rest unused.
 *
 * Request, struct abi_gofer_request, 128 bytes
 *     off size field
 *       0   2  size      128
 *       2   2  op        ABI_GOFER_ATTACH ...
 *       4   4  flags     by op, see there
 *       8   4  handle    what the request is about
 *      12   4  in_off    in the data area
 *      16   4  in_len
 *      20   4  out_off   a multiple of 8
 *      24   4  out_len
 *      28   4  zero
 *      32   8  tag       comes back in the reply
 *      40  88  args      by op, unused bytes zero
 *
 * Reply, struct abi_gofer_reply, 176 bytes
 *       0   2  size      176
 *       2   2  op        the request's
 *       4   4  error
 *       8   8  tag       the request's
 *      16   4  handle    a new path handle, or 0
 *      20   4  open      a new open handle, or 0
 *      24   4  count     by op: bytes, entries, components
 *      28   4  flags     ABI_GOFER_R_*
 *      32   8  value     by op: size, cookie, offset
 *      40   8  zero
 *      48 128  attr, or statfs
 *
 * op          handle  in                out        args          answer
 * ATTACH      -       -                 -          attach        handle attr flags, value: handles
 * WALK        dir     names             entries    walk          see below
 * GETATTR     any     -                 -          -             attr
 * SETATTR     any     -                 -          setattr       attr
 * OPEN        path    -                 -          open          open attr
 * CREATE      dir     name              -          make          handle open attr
 * MKDIR       dir     name              -          make          handle attr
 * MKNOD       dir     name              -          make          handle attr
 * SYMLINK     dir     name target       -          make          handle attr
 * LINK        file    name              -          link          attr
 * RENAME      olddir  oldname newname   -          rename        -
 * UNLINK      dir     name              -          -             -
 * RMDIR       dir     name              -          -             -
 * READLINK    path    -                 target     -             count
 * READ        file    -                 bytes      io            count (short only at the end)
 * WRITE       open    bytes             -          io            count attr
 * READDIR     dir     -                 dirents    io (cookie)   count: bytes, value: next cookie
 * FSYNC       file    -                 -          -             -
 * FALLOCATE   open    -                 -          fallocate     attr
 * STATFS      any     -                 -          -             statfs
 * GETXATTR    any     name              value      xattr         count, value: full size
 * SETXATTR    any     name value        -          xattr         -
 * LISTXATTR   any     -                 names      -             count, value: full size
 * REMOVEXATTR any     name              -          xattr         -
 * LSEEK       file    -                 -          lseek         value: offset
 * CLOSE       any     -                 -          -             -
 * CLOSE_BATCH -       handles (u32)     -          -             count: closed
 * SYNCFS      any     -                 -          -             -
 * FETCH       dir     names             files      fetch         count: bytes
 *
 * Names in `in`: each one length byte (1..255), then the bytes; no NUL, no '/', never "." or "..".
 * (Names of extended attributes: no NUL.)
 * WALK takes args.walk.count of them, the others as many as the table says. What follows a name
 * in the table (target, value) is the rest of `in`.
 *
 * WALK goes component by component. Entry i of `out` (struct abi_gofer_walk_entry) describes
 * component i, as long as there is room. reply.count components were reached; error is what
 * happened at the next one. It stops at a symbolic link that is not the last component, with
 * error 0 and count short: the guest reads it and goes on itself. reply.attr is the last one
 * reached. With ABI_GOFER_F_HANDLES every entry has a handle (`out` must have room for all);
 * without, only the last one: reply.handle, 0 if count is short because of an error.
 * If the last one reached is a symbolic link and `out` is longer than walk.count entries, its
 * target follows behind that place; reply.value is its length (0: none, or it does not fit).
 * walk.open_flags: if the last component is reached and is a regular file or a directory, it is
 * opened too; an open that fails leaves reply.open 0 and the walk good.
 *
 * FETCH brings several small files of one directory, whole, without handles: for each name in turn
 * a record, struct abi_gofer_fetched and the content, padded to 8. Content is there only of a
 * regular file of at most fetch.each bytes that could be read whole; of anything else the
 * attributes, or its error. The answer ends early where a record would not fit; `out` must have
 * room for one.
 *
 * READDIR packs entries of struct abi_gofer_dirent, the attributes if ABI_GOFER_F_ATTR, the name,
 * padded to 8. "." and ".." are left out. Cookie 0 starts; ABI_GOFER_R_EOF: nothing follows. */
#pragma once
#include <stdint.h>
#include "abi/ring.h"

#define ABI_GOFER_VERSION 2

#define ABI_GOFER_SLOTS	       64u
#define ABI_GOFER_SLOT_SIZE    512u
#define ABI_GOFER_REQUEST_OFF  0u
#define ABI_GOFER_REPLY_OFF    256u
#define ABI_GOFER_RING_ENTRIES 64u
#define ABI_GOFER_CHANNEL_SIZE ABI_CHANNEL_SIZE_MAX

#define ABI_GOFER_HANDLES_MAX 65536u
#define ABI_GOFER_MOUNTS_MAX  256u
#define ABI_GOFER_NAME_MAX    255u
#define ABI_GOFER_WALK_MAX    16u
#define ABI_GOFER_TARGET_MAX  4095u
#define ABI_GOFER_XATTR_MAX   65536u
#define ABI_GOFER_BATCH_MAX   1024u
#define ABI_GOFER_IO_MAX      (1u << 20)
#define ABI_GOFER_FETCH_MAX   64u
#define ABI_GOFER_FETCH_EACH  65536u

enum abi_gofer_op {
	ABI_GOFER_ATTACH = 1,
	ABI_GOFER_WALK,
	ABI_GOFER_GETATTR,
	ABI_GOFER_SETATTR,
	ABI_GOFER_OPEN,
	ABI_GOFER_CREATE,
	ABI_GOFER_MKDIR,
	ABI_GOFER_MKNOD,
	ABI_GOFER_SYMLINK,
	ABI_GOFER_LINK,
	ABI_GOFER_RENAME,
	ABI_GOFER_UNLINK,
	ABI_GOFER_RMDIR,
	ABI_GOFER_READLINK,
	ABI_GOFER_READ,
	ABI_GOFER_WRITE,
	ABI_GOFER_READDIR,
	ABI_GOFER_FSYNC,
	ABI_GOFER_FALLOCATE,
	ABI_GOFER_STATFS,
	ABI_GOFER_GETXATTR,
	ABI_GOFER_SETXATTR,
	ABI_GOFER_LISTXATTR,
	ABI_GOFER_REMOVEXATTR,
	ABI_GOFER_LSEEK,
	ABI_GOFER_CLOSE,
	ABI_GOFER_CLOSE_BATCH,
	ABI_GOFER_SYNCFS,
	ABI_GOFER_FETCH,
	ABI_GOFER_OPS /* one past the last */
};

/* request.flags */
#define ABI_GOFER_F_HANDLES  0x1u /* WALK */
#define ABI_GOFER_F_ATTR     0x2u /* READDIR */
#define ABI_GOFER_F_DATASYNC 0x4u /* FSYNC: as fdatasync(2) */

/* open_flags */
#define ABI_GOFER_O_READ   0x01u
#define ABI_GOFER_O_WRITE  0x02u
#define ABI_GOFER_O_TRUNC  0x04u
#define ABI_GOFER_O_APPEND 0x08u
#define ABI_GOFER_O_EXCL   0x10u /* CREATE only: -EEXIST if the name is there */
#define ABI_GOFER_O_DSYNC  0x20u
#define ABI_GOFER_O_SYNC   0x40u
#define ABI_GOFER_O_ALL	   0x7fu

/* setattr.valid */
#define ABI_GOFER_A_MODE      0x01u
#define ABI_GOFER_A_UID	      0x02u
#define ABI_GOFER_A_GID	      0x04u
#define ABI_GOFER_A_SIZE      0x08u
#define ABI_GOFER_A_ATIME     0x10u
#define ABI_GOFER_A_MTIME     0x20u
#define ABI_GOFER_A_ATIME_NOW 0x40u
#define ABI_GOFER_A_MTIME_NOW 0x80u
#define ABI_GOFER_A_ALL	      0xffu

/* reply.flags */
#define ABI_GOFER_R_READONLY  0x1u  /* ATTACH: every write operation answers -EROFS */
#define ABI_GOFER_R_EXCLUSIVE 0x2u  /* ATTACH: nobody else changes it: cache without asking */
#define ABI_GOFER_R_SYMLINK   0x4u  /* WALK: the last component reached is a symbolic link */
#define ABI_GOFER_R_EOF	      0x8u  /* READDIR */
#define ABI_GOFER_R_CREATED   0x10u /* CREATE: the file was not there before */

/* attr.flags */
#define ABI_GOFER_ATTR_BTIME	 0x1u
#define ABI_GOFER_ATTR_IMMUTABLE 0x2u
#define ABI_GOFER_ATTR_APPEND	 0x4u

/* What statx(2) needs. dev and rdev are major << 32 | minor.
 *   0 ino  8 dev  16 size  24 blocks (of 512)  32 rdev  40 atime  48 mtime  56 ctime  64 btime
 *  72 atime_nsec  76 mtime_nsec  80 ctime_nsec  84 btime_nsec  88 mode  92 nlink  96 uid 100 gid
 * 104 blksize 108 flags 112 mnt (the host mount's number) 120 zero */
struct abi_gofer_attr {
	uint64_t ino;
	uint64_t dev;
	uint64_t size;
	uint64_t blocks;
	uint64_t rdev;
	int64_t atime;
	int64_t mtime;
	int64_t ctime;
	int64_t btime;
	uint32_t atime_nsec;
	uint32_t mtime_nsec;
	uint32_t ctime_nsec;
	uint32_t btime_nsec;
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t blksize;
	uint32_t flags;
	uint64_t mnt;
	uint64_t zero;
};

struct abi_gofer_statfs {
	uint64_t type;
	uint64_t bsize;
	uint64_t blocks;
	uint64_t bfree;
	uint64_t bavail;
	uint64_t files;
	uint64_t ffree;
	uint64_t fsid;
	uint64_t namelen;
	uint64_t frsize;
	uint64_t flags; /* ST_* of statvfs(3) */
	uint64_t zero[5];
};

struct abi_gofer_walk_entry {
	struct abi_gofer_attr attr;
	uint32_t handle;
	uint32_t zero;
};

/*   0 cookie (continues behind this entry)  8 ino  16 size (of the record, a multiple of 8)
 *  18 name_len  20 type (DT_*)  21 has_attr  22 zero;  then [attr], then the name */
struct abi_gofer_dirent {
	uint64_t cookie;
	uint64_t ino;
	uint16_t size;
	uint16_t name_len;
	uint8_t type;
	uint8_t has_attr;
	uint16_t zero;
};

/*   0 error (0: attr is valid)  4 len (of the content)  8 attr */
struct abi_gofer_fetched {
	int32_t error;
	uint32_t len;
	struct abi_gofer_attr attr;
};

struct abi_gofer_a_attach {
	uint32_t version;
	uint32_t mount; /* index in the gofer's mount list */
};

struct abi_gofer_a_walk {
	uint32_t count;
	uint32_t open_flags; /* 0: do not open */
};

struct abi_gofer_a_open {
	uint32_t open_flags;
};

struct abi_gofer_a_setattr {
	uint32_t valid;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t size;
	int64_t atime;
	int64_t mtime;
	uint32_t atime_nsec;
	uint32_t mtime_nsec;
};

struct abi_gofer_a_make {
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t open_flags; /* CREATE: 0 does not open */
	uint64_t rdev;
};

struct abi_gofer_a_link {
	uint32_t dir; /* handle of the new name's directory */
};

struct abi_gofer_a_rename {
	uint32_t dir;	/* handle of the new name's directory */
	uint32_t flags; /* RENAME_* of renameat2(2) */
};

struct abi_gofer_a_io {
	uint64_t off; /* READDIR: cookie */
};

struct abi_gofer_a_fallocate {
	uint64_t off;
	uint64_t len;
	uint32_t mode; /* FALLOC_FL_* */
	uint32_t zero;
};

struct abi_gofer_a_xattr {
	uint32_t flags; /* SETXATTR: XATTR_CREATE, XATTR_REPLACE */
};

struct abi_gofer_a_lseek {
	uint64_t off;
	uint32_t whence; /* SEEK_DATA, SEEK_HOLE */
	uint32_t zero;
};

struct abi_gofer_a_fetch {
	uint32_t count; /* names */
	uint32_t each;	/* a file of more bytes is not read */
};

struct abi_gofer_request {
	uint16_t size;
	uint16_t op;
	uint32_t flags;
	uint32_t handle;
	uint32_t in_off;
	uint32_t in_len;
	uint32_t out_off;
	uint32_t out_len;
	uint32_t zero;
	uint64_t tag;
	union {
		struct abi_gofer_a_attach attach;
		struct abi_gofer_a_walk walk;
		struct abi_gofer_a_open open;
		struct abi_gofer_a_setattr setattr;
		struct abi_gofer_a_make make;
		struct abi_gofer_a_link link;
		struct abi_gofer_a_rename rename;
		struct abi_gofer_a_io io;
		struct abi_gofer_a_fallocate fallocate;
		struct abi_gofer_a_xattr xattr;
		struct abi_gofer_a_lseek lseek;
		struct abi_gofer_a_fetch fetch;
		uint64_t raw[11];
	} args;
};

struct abi_gofer_reply {
	uint16_t size;
	uint16_t op;
	int32_t error;
	uint64_t tag;
	uint32_t handle;
	uint32_t open;
	uint32_t count;
	uint32_t flags;
	uint64_t value;
	uint64_t zero;
	union {
		struct abi_gofer_attr attr;
		struct abi_gofer_statfs statfs;
	};
};

#define ABI_GOFER_AT(type, field, off)                                              \
	_Static_assert(__builtin_offsetof(struct abi_gofer_##type, field) == (off), \
		       #type "." #field)
#define ABI_GOFER_SIZE(type, bytes) \
	_Static_assert(sizeof(struct abi_gofer_##type) == (bytes), #type)

ABI_GOFER_SIZE(attr, 128);
ABI_GOFER_AT(attr, ino, 0);
ABI_GOFER_AT(attr, dev, 8);
ABI_GOFER_AT(attr, size, 16);
ABI_GOFER_AT(attr, blocks, 24);
ABI_GOFER_AT(attr, rdev, 32);
ABI_GOFER_AT(attr, atime, 40);
ABI_GOFER_AT(attr, mtime, 48);
ABI_GOFER_AT(attr, ctime, 56);
ABI_GOFER_AT(attr, btime, 64);
ABI_GOFER_AT(attr, atime_nsec, 72);
ABI_GOFER_AT(attr, mtime_nsec, 76);
ABI_GOFER_AT(attr, ctime_nsec, 80);
ABI_GOFER_AT(attr, btime_nsec, 84);
ABI_GOFER_AT(attr, mode, 88);
ABI_GOFER_AT(attr, nlink, 92);
ABI_GOFER_AT(attr, uid, 96);
ABI_GOFER_AT(attr, gid, 100);
ABI_GOFER_AT(attr, blksize, 104);
ABI_GOFER_AT(attr, flags, 108);
ABI_GOFER_AT(attr, mnt, 112);
ABI_GOFER_AT(attr, zero, 120);
ABI_GOFER_SIZE(statfs, 128);
ABI_GOFER_AT(statfs, fsid, 56);
ABI_GOFER_AT(statfs, flags, 80);
ABI_GOFER_SIZE(walk_entry, 136);
ABI_GOFER_AT(walk_entry, handle, 128);
ABI_GOFER_SIZE(dirent, 24);
ABI_GOFER_AT(dirent, cookie, 0);
ABI_GOFER_AT(dirent, ino, 8);
ABI_GOFER_AT(dirent, size, 16);
ABI_GOFER_AT(dirent, name_len, 18);
ABI_GOFER_AT(dirent, type, 20);
ABI_GOFER_AT(dirent, has_attr, 21);
ABI_GOFER_SIZE(fetched, 136);
ABI_GOFER_AT(fetched, len, 4);
ABI_GOFER_AT(fetched, attr, 8);
ABI_GOFER_SIZE(a_attach, 8);
ABI_GOFER_AT(a_attach, mount, 4);
ABI_GOFER_SIZE(a_walk, 8);
ABI_GOFER_AT(a_walk, open_flags, 4);
ABI_GOFER_SIZE(a_open, 4);
ABI_GOFER_SIZE(a_setattr, 48);
ABI_GOFER_AT(a_setattr, mode, 4);
ABI_GOFER_AT(a_setattr, uid, 8);
ABI_GOFER_AT(a_setattr, gid, 12);
ABI_GOFER_AT(a_setattr, size, 16);
ABI_GOFER_AT(a_setattr, atime, 24);
ABI_GOFER_AT(a_setattr, mtime, 32);
ABI_GOFER_AT(a_setattr, atime_nsec, 40);
ABI_GOFER_AT(a_setattr, mtime_nsec, 44);
ABI_GOFER_SIZE(a_make, 24);
ABI_GOFER_AT(a_make, uid, 4);
ABI_GOFER_AT(a_make, gid, 8);
ABI_GOFER_AT(a_make, open_flags, 12);
ABI_GOFER_AT(a_make, rdev, 16);
ABI_GOFER_SIZE(a_link, 4);
ABI_GOFER_SIZE(a_rename, 8);
ABI_GOFER_AT(a_rename, flags, 4);
ABI_GOFER_SIZE(a_io, 8);
ABI_GOFER_SIZE(a_fallocate, 24);
ABI_GOFER_AT(a_fallocate, len, 8);
ABI_GOFER_AT(a_fallocate, mode, 16);
ABI_GOFER_SIZE(a_xattr, 4);
ABI_GOFER_SIZE(a_lseek, 16);
ABI_GOFER_AT(a_lseek, whence, 8);
ABI_GOFER_SIZE(a_fetch, 8);
ABI_GOFER_AT(a_fetch, each, 4);
ABI_GOFER_SIZE(request, 128);
ABI_GOFER_AT(request, op, 2);
ABI_GOFER_AT(request, flags, 4);
ABI_GOFER_AT(request, handle, 8);
ABI_GOFER_AT(request, in_off, 12);
ABI_GOFER_AT(request, in_len, 16);
ABI_GOFER_AT(request, out_off, 20);
ABI_GOFER_AT(request, out_len, 24);
ABI_GOFER_AT(request, tag, 32);
ABI_GOFER_AT(request, args, 40);
ABI_GOFER_SIZE(reply, 176);
ABI_GOFER_AT(reply, op, 2);
ABI_GOFER_AT(reply, error, 4);
ABI_GOFER_AT(reply, tag, 8);
ABI_GOFER_AT(reply, handle, 16);
ABI_GOFER_AT(reply, open, 20);
ABI_GOFER_AT(reply, count, 24);
ABI_GOFER_AT(reply, flags, 28);
ABI_GOFER_AT(reply, value, 32);
ABI_GOFER_AT(reply, attr, 48);
_Static_assert(ABI_GOFER_REQUEST_OFF + sizeof(struct abi_gofer_request) <= ABI_GOFER_REPLY_OFF &&
		       ABI_GOFER_REPLY_OFF + sizeof(struct abi_gofer_reply) <= ABI_GOFER_SLOT_SIZE,
	       "slot");

/* The channel of a gofer, laid out in a fresh zeroed region (the VMM makes it). */
static inline int abi_gofer_format(void *base, uint32_t size)
{
	return abi_channel_format(base, size, ABI_CHANNEL_GOFER, ABI_GOFER_RING_ENTRIES,
				  ABI_GOFER_SLOTS, ABI_GOFER_SLOT_SIZE);
}
