/* mem.c - the memory devices: null, zero, full, random, urandom (null(4), full(4), random(4))
 *
 * No state. Differs from Linux: random never blocks (the generator is seeded before the first
 * program runs); what is written to random is not mixed in; a mapping of
 * zero is anonymous memory. */
#include "abi/linux/fcntl.h"
#include "abi/linux/poll.h"
#include "dev.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "vfs.h"

static ssize_t null_read(struct file *f, struct iter *to, loff_t *pos)
{
	return 0;
}

static ssize_t null_write(struct file *f, struct iter *from, loff_t *pos)
{
	ssize_t n = (ssize_t)from->left;

	iter_advance(from, from->left);
	return n;
}

static ssize_t zero_read(struct file *f, struct iter *to, loff_t *pos)
{
	ssize_t done = 0;

	while (to->left) {
		size_t want = MIN(to->left, (size_t)65536), n = iter_zero(to, want);

		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
		if (to->left && signal_pending(current))
			break;
	}
	return done;
}

static ssize_t full_write(struct file *f, struct iter *from, loff_t *pos)
{
	return from->left ? -ENOSPC : 0;
}

static ssize_t random_read(struct file *f, struct iter *to, loff_t *pos)
{
	u8 chunk[256];
	ssize_t done = 0;

	while (to->left) {
		size_t want = MIN(to->left, sizeof(chunk)), n;

		random_bytes(chunk, want);
		n = iter_put(to, chunk, want);
		done += (ssize_t)n;
		if (n < want)
			return done ? done : -EFAULT;
		if (to->left && done % 4096 == 0 && signal_pending(current))
			break;
	}
	return done;
}

/* Seeking works and means nothing. */
static loff_t mem_llseek(struct file *f, loff_t off, int whence)
{
	f->pos = 0;
	return 0;
}

static const struct file_ops null_ops = {
	.read = null_read, .write = null_write, .llseek = mem_llseek};
static int zero_mmap(struct file *f, u64 pgoff, u64 npages, u32 *vma_flags)
{
	*vma_flags |= VMA_ZEROMAP;
	return 0;
}

static const struct file_ops zero_ops = {
	.mmap = zero_mmap, .read = zero_read, .write = null_write, .llseek = mem_llseek};
static const struct file_ops full_ops = {
	.read = zero_read, .write = full_write, .llseek = mem_llseek};
static const struct file_ops random_ops = {
	.read = random_read, .write = null_write, .llseek = mem_llseek};

void dev_mem_register(void)
{
	device_register(ABI_S_IFCHR, DEV_MEM_MAJOR, DEV_NULL, 1, &null_ops);
	device_register(ABI_S_IFCHR, DEV_MEM_MAJOR, DEV_ZERO, 1, &zero_ops);
	device_register(ABI_S_IFCHR, DEV_MEM_MAJOR, DEV_FULL, 1, &full_ops);
	device_register(ABI_S_IFCHR, DEV_MEM_MAJOR, DEV_RANDOM, 2, &random_ops);
}
