/* uaccess.h - the only way to the application's memory (mm/uaccess.c)
 *
 * All copy, then return 0 or -EFAULT; they fault missing pages in, so they may sleep: they assert
 * that no spinlock is held. Under a spinlock use the _nofault forms, and on -EFAULT drop it, call
 * mm_fault_in, and try again. What was copied in is checked in the kernel's copy and never read
 * again. */
#pragma once
#include "types.h"

int copy_in(void *dst, uaddr_t src, size_t n) must_check;
int copy_out(uaddr_t dst, const void *src, size_t n) must_check;
int zero_out(uaddr_t dst, size_t n) must_check;
/* Bytes that could be copied (for read and write, whose partial counts are results). */
size_t copy_in_partial(void *dst, uaddr_t src, size_t n);
size_t copy_out_partial(uaddr_t dst, const void *src, size_t n);
/* A C string: its length (< size), -ENAMETOOLONG if no NUL in size bytes, or -EFAULT. */
ssize_t copy_in_str(char *dst, uaddr_t src, size_t size) must_check;
#define copy_in_obj(p, u)  copy_in((p), (u), sizeof(*(p)))
#define copy_out_obj(u, p) copy_out((u), (p), sizeof(*(p)))
static inline int put_user32(uaddr_t dst, u32 v)
{
	return copy_out(dst, &v, sizeof(v));
}
static inline int put_user64(uaddr_t dst, u64 v)
{
	return copy_out(dst, &v, sizeof(v));
}
int copy_in_nofault(void *dst, uaddr_t src, size_t n) must_check;
int copy_out_nofault(uaddr_t dst, const void *src, size_t n) must_check;
int load_user32_nofault(uaddr_t src, u32 *v) must_check;
int cmpxchg_user_nofault(uaddr_t p, u32 *expected, u32 desired) must_check;

/* An array of iovec, copied in and checked: total <= SSIZE_MAX. count up to 1024. */
struct abi_iovec;
int copy_in_iov(struct abi_iovec **out, uaddr_t iov, u64 count, struct abi_iovec *small,
		size_t nsmall) must_check; /* uses small if it suffices; else kfree(*out) */

/* A cursor over bytes of user or kernel memory: what read and write move. */
struct iter {
	const struct abi_iovec *seg; /* bases are user addresses if user, else kernel pointers */
	u32 nseg;
	bool user;
	size_t off;  /* in seg[0] */
	size_t left; /* in all */
};
void iter_init_user(struct iter *it, struct abi_iovec *one, uaddr_t buf, size_t n);
void iter_init_kernel(struct iter *it, struct abi_iovec *one, void *buf, size_t n);
void iter_init_iov(struct iter *it, const struct abi_iovec *seg, u32 nseg, bool user);
/* Move bytes and advance; return the count moved, short only at a bad address. May sleep. */
size_t iter_put(struct iter *it, const void *src, size_t n); /* kernel -> iter */
size_t iter_get(struct iter *it, void *dst, size_t n);	     /* iter -> kernel */
size_t iter_zero(struct iter *it, size_t n);
void iter_advance(struct iter *it, size_t n);
