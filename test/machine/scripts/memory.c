/* memory.c - scripts: mappings that come, change and go, shared memory, running out */
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mman.h"
#include "abi/linux/wait.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

#define PAGE 4096ul
#define RW   (ABI_PROT_READ | ABI_PROT_WRITE)

static uint64_t map(uint64_t n, int prot, int flags, int fd)
{
	long r = u_syscall(NR_mmap, 0, n, prot, flags, fd, 0);

	u_check(r > 0);
	return (uint64_t)r;
}

/* Random calls on a window of pages, against a model of what each page holds. */
enum { W = 24 };
struct model {
	bool mapped, writable;
	uint64_t value;
};

static uint64_t seed_state;
static uint32_t rnd(uint32_t n)
{
	seed_state = seed_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed_state >> 33) % n;
}

static void check_window(uint64_t base, struct model *m)
{
	for (uint32_t i = 0; i < W; i++)
		if (m[i].mapped)
			u_check_eq(u_load(base + i * PAGE, 8), m[i].value);
}

static void one_step(uint64_t base, struct model *m, uint64_t step)
{
	uint32_t at = rnd(W), n = 1 + rnd(W - at);
	uint64_t addr = base + at * PAGE, len = n * PAGE;
	bool whole = true;
	long r;

	for (uint32_t i = at; i < at + n; i++)
		whole = whole && m[i].mapped;
	switch (rnd(6)) {
	case 0:
		r = u_syscall(NR_mmap, addr, len, RW,
			      ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS | ABI_MAP_FIXED, -1, 0);
		u_check_eq(r, addr);
		for (uint32_t i = at; i < at + n; i++)
			m[i] = (struct model){true, true, 0};
		break;
	case 1:
		u_check_eq(u_syscall(NR_munmap, addr, len), 0);
		for (uint32_t i = at; i < at + n; i++)
			m[i].mapped = false;
		break;
	case 2:
	case 3:
		r = u_syscall(NR_mprotect, addr, len, step % 2 ? ABI_PROT_READ : RW);
		u_check_eq(r, whole ? 0 : -ENOMEM);
		for (uint32_t i = at; i < at + n && m[i].mapped; i++)
			m[i].writable = !(step % 2);
		break;
	case 4:
		r = u_syscall(NR_madvise, addr, len, ABI_MADV_DONTNEED);
		u_check_eq(r, whole ? 0 : -ENOMEM);
		for (uint32_t i = at; i < at + n; i++)
			m[i].value = 0;
		break;
	default:
		for (uint32_t i = at; i < at + n; i++)
			if (m[i].mapped && m[i].writable) {
				m[i].value = step * W + i;
				u_store(base + i * PAGE, m[i].value, 8);
			}
	}
}

void script_memory_calls(void *arg)
{
	static struct model m[W];
	uint64_t base = map(W * PAGE, ABI_PROT_NONE, ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS, -1);

	for (uint32_t i = 0; i < W; i++)
		m[i] = (struct model){0};
	u_check_eq(u_syscall(NR_munmap, base, W * PAGE), 0);
	seed_state = base;
	for (uint64_t step = 1; step < 300; step++) {
		one_step(base, m, step);
		check_window(base, m);
	}
}

/* A range that is moved and resized keeps what is in it. */
void script_memory_remap(void *arg)
{
	uint64_t n = 4, at = u_mmap(n * PAGE);
	long r;

	for (uint64_t i = 0; i < n; i++)
		u_store(at + i * PAGE, i + 1, 8);
	for (int round = 0; round < 12; round++) {
		uint64_t more = n + (round % 3 ? 3 : 40), first = at;

		u_mmap(PAGE); /* mostly in the way of growing */
		r = u_syscall(NR_mremap, at, n * PAGE, more * PAGE, ABI_MREMAP_MAYMOVE);
		u_check(r > 0);
		at = (uint64_t)r;
		for (uint64_t i = 0; i < n; i++)
			u_check_eq(u_load(at + i * PAGE, 8), i + 1);
		for (uint64_t i = n; i < more; i++) {
			u_check_eq(u_load(at + i * PAGE, 8), 0);
			u_store(at + i * PAGE, i + 1, 8);
		}
		n = more;
		if (at != first)
			u_check_eq(u_syscall(NR_mincore, first, PAGE, at), -ENOMEM);
	}
	r = u_syscall(NR_mremap, at, n * PAGE, PAGE, 0);
	u_check_eq(r, at);
	u_check_eq(u_load(at, 8), 1);
	u_check_eq(u_syscall(NR_mremap, at, 0, PAGE, ABI_MREMAP_MAYMOVE), -EINVAL);
}

/* Memory of parent and child, with and without a file; private copies of a file stay private. */
static uint64_t shared, file_shared, file_private;

static void sharing_child(void *arg)
{
	u_check_eq(u_load(file_private, 8), 5);
	u_store(shared, 11, 8);
	u_store(file_shared + PAGE, 12, 8);
	u_store(file_private, 13, 8);
	u_exit(0);
}

void script_memory_shared(void *arg)
{
	uint64_t name = u_mmap(PAGE), status = name + 64;
	long fd;

	u_write(name, "/shared-file", 13);
	fd = u_syscall(NR_openat, ABI_AT_FDCWD, name, ABI_O_CREAT | ABI_O_RDWR, 0600);
	u_check(fd >= 0);
	u_check_eq(u_syscall(NR_ftruncate, fd, 3 * PAGE), 0);
	shared = map(PAGE, RW, ABI_MAP_SHARED | ABI_MAP_ANONYMOUS, -1);
	file_shared = map(3 * PAGE, RW, ABI_MAP_SHARED, (int)fd);
	file_private = map(3 * PAGE, RW, ABI_MAP_PRIVATE, (int)fd);
	u_store(file_shared, 5, 8);
	u_check_eq(u_load(file_private, 8), 5);
	u_check(u_fork(sharing_child, NULL) > 0);
	u_check(u_syscall(NR_wait4, -1, status, 0, 0) > 0);
	u_check_eq(u_load(status, 4), 0);
	u_check_eq(u_load(shared, 8), 11);
	u_check_eq(u_load(file_shared + PAGE, 8), 12);
	u_check_eq(u_load(file_private + PAGE, 8), 12);
	u_check_eq(u_load(file_private, 8), 5);
	/* what read(2) sees is what the mappings see; a shorter file loses its pages */
	u_check_eq(u_syscall(NR_pread64, fd, status, 8, PAGE), 8);
	u_check_eq(u_load(status, 8), 12);
	u_check_eq(u_syscall(NR_ftruncate, fd, PAGE), 0);
	u_check_eq(u_syscall(NR_ftruncate, fd, 3 * PAGE), 0);
	u_check_eq(u_load(file_shared + PAGE, 8), 0);
	u_check_eq(u_load(file_shared, 8), 5);
}

static uint64_t wiped, absent, plain;

static void fork_child(void *arg)
{
	u_check_eq(u_load(wiped, 8), 0);
	u_check_eq(u_load(plain, 8), 3);
	u_check_eq(u_syscall(NR_mincore, absent, PAGE, plain), -ENOMEM);
	u_exit(0);
}

void script_memory_fork(void *arg)
{
	uint64_t status = u_mmap(PAGE);

	wiped = u_mmap(2 * PAGE);
	absent = u_mmap(2 * PAGE);
	plain = u_mmap(2 * PAGE);
	u_store(wiped, 1, 8);
	u_store(absent, 2, 8);
	u_store(plain, 3, 8);
	u_check_eq(u_syscall(NR_madvise, wiped, 2 * PAGE, ABI_MADV_WIPEONFORK), 0);
	u_check_eq(u_syscall(NR_madvise, absent, 2 * PAGE, ABI_MADV_DONTFORK), 0);
	u_check(u_fork(fork_child, NULL) > 0);
	u_check(u_syscall(NR_wait4, -1, status, 0, 0) > 0);
	u_check_eq(u_load(status, 4), 0);
	u_check_eq(u_load(wiped, 8), 1);
}

/* A child takes more than there is: it is killed, and we have all that we had. */
static void glutton(void *arg)
{
	for (;;) {
		uint64_t at = u_mmap(1 << 20);

		for (uint64_t i = 0; i < 256; i++)
			u_store(at + i * PAGE, ~i, 8);
	}
}

void script_memory_out(void *arg)
{
	uint64_t status = u_mmap(PAGE), mine = u_mmap(64 * PAGE);

	for (uint64_t i = 0; i < 64; i++)
		u_store(mine + i * PAGE, i, 8);
	for (int round = 0; round < 2; round++) {
		u_check(u_fork(glutton, NULL) > 0);
		u_check(u_syscall(NR_wait4, -1, status, 0, 0) > 0);
		u_check_eq(u_load(status, 4), 9);
		for (uint64_t i = 0; i < 64; i++)
			u_check_eq(u_load(mine + i * PAGE, 8), i);
	}
}
