/* gofs_host.c - the gofer's dispatch behind a channel, one request at a time on the caller's stack
 */
#include "gofs_host.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gofer/server.h"

static char dir[] = "/tmp/gofs-test-XXXXXX";
static int root = -1;
static struct gofer_mount mounts[3];
static struct gofer_server server;
static void *base;
static enum gofs_host_lie lying;
static uint64_t served[ABI_GOFER_OPS];

#define must(x)                     \
	do {                        \
		if (!(x)) {         \
			perror(#x); \
			abort();    \
		}                   \
	} while (0)

void gofs_host_start(uint32_t limit)
{
	const int size = ABI_GOFER_CHANNEL_SIZE;
	struct gofer_config cfg = {.mounts = mounts, .mount_count = 3, .workers = 1};

	must(mkdtemp(dir));
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cfg.channel_fd = memfd_create("channel", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	cfg.kick_fd = eventfd(0, EFD_CLOEXEC);
	cfg.call_fd = eventfd(0, EFD_CLOEXEC);
	cfg.control_fd = -1;
	for (int i = 0; i < 3; i++) {
		mounts[i].fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		mounts[i].exclusive = i == 0;
		mounts[i].readonly = i == 1;
	}
	must(ftruncate(cfg.channel_fd, size) == 0);
	must(fcntl(cfg.channel_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cfg.channel_fd, 0);
	must(base != MAP_FAILED && abi_gofer_format(base, (uint32_t)size) == 0);
	must(gofer_server_open(&server, &cfg) == 0);
	must(fchdir(server.proc_fd) == 0);
	if (limit)
		server.handle_cap = limit;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void gofs_host_end(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void *gofs_host_channel(void)
{
	return base;
}

bool gofs_host_waiting(void)
{
	return abi_ring_ready(&server.req) > 0;
}

void gofs_host_kill(void)
{
	abi_channel_close(&server.chan, 3);
}

void gofs_host_lie(enum gofs_host_lie lie)
{
	lying = lie;
}

uint64_t gofs_host_requests(unsigned op)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < ABI_GOFER_OPS; k++)
		if (!op || k == op)
			sum += served[k];
	return sum;
}

/* Spoils the answer, or the slot it is given for. */
static uint32_t lie(struct abi_gofer_reply *r, uint32_t slot)
{
	switch (lying) {
	case LIE_TAG:
		r->tag++;
		break;
	case LIE_COUNT:
		r->count = 0x7fffffff;
		break;
	case LIE_ATTR:
		r->error = 0;
		r->count = 1;
		r->attr.mode = 0x1f000;
		break;
	case LIE_SLOT:
		return slot + 1;
	default:
		break;
	}
	return slot;
}

static void serve_one(uint32_t slot)
{
	struct gofer_worker *w = &server.workers[0];
	uint8_t *at = abi_channel_slot(&server.chan, slot);

	must(at);
	abi_copy_words(&w->q, at, sizeof(w->q));
	gofer_dispatch(w);
	must(w->q.op < ABI_GOFER_OPS);
	served[w->q.op]++;
	slot = lie(&w->r, slot);
	abi_copy_words(at + ABI_GOFER_REPLY_OFF, &w->r, sizeof(w->r));
	abi_ring_put(&server.cpl, slot, 0, 0);
	if (lying == LIE_TWICE)
		abi_ring_put(&server.cpl, slot, 0, 0);
}

bool gofs_host_serve(unsigned n)
{
	struct abi_ring_desc d;
	bool ring;

	while (n-- && abi_ring_get(&server.req, &d) == ABI_RING_OK)
		serve_one(d.id);
	abi_ring_release(&server.req);
	ring = abi_ring_publish(&server.cpl);
	abi_ring_arm_get(&server.req);
	if (lying == LIE_INDEX)
		server.cpl.ring->prod += 200;
	return ring || abi_channel_closed(&server.chan);
}

void host_put(const char *name, const void *bytes, size_t n)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	close(fd);
}

void host_fill(const char *name, size_t n)
{
	uint8_t *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = host_byte(i);
	host_put(name, p, n);
	free(p);
}

long host_size(const char *name)
{
	struct stat st;

	return fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) ? -1 : (long)st.st_size;
}

bool host_is(const char *name, const void *bytes, size_t n)
{
	int fd = openat(root, name, O_RDONLY | O_CLOEXEC);
	uint8_t *p = malloc(n + 1);
	bool same = fd >= 0 && read(fd, p, n + 1) == (ssize_t)n && memcmp(p, bytes, n) == 0;

	free(p);
	close(fd);
	return same;
}

void host_mkdir(const char *name)
{
	must(mkdirat(root, name, 0755) == 0);
}

void host_symlink(const char *target, const char *name)
{
	must(symlinkat(target, root, name) == 0);
}

void host_rename(const char *from, const char *to)
{
	must(renameat(root, from, root, to) == 0);
}

void host_remove(const char *name)
{
	must(unlinkat(root, name, 0) == 0 || unlinkat(root, name, AT_REMOVEDIR) == 0);
}
