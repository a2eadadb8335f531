/* gofer_request.c - fuzz: raw bytes as requests, at the gofer's end
 *
 * The input is cut into requests of 128 bytes, each followed by up to 64 bytes for its `in`. They
 * are dispatched on a temporary directory as a worker would, one after the other. Every answer
 * must pass the guest's check of answers. */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "abi/gofer_codec.h"

#define IN_BYTES 64u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/gofer-fuzz-XXXXXX";
static struct gofer_server server;
static struct gofer_mount mounts[2];
static struct gofer_worker *worker;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level ? remove(path) : 0;
}

static void dir_clear(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void dir_remove(void)
{
	dir_clear();
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* Files stay small, whatever sizes are asked for. */
	const struct rlimit small = {1 << 20, 1 << 20};
	const int size = 1 << 20;
	struct gofer_config cfg = {.mounts = mounts, .mount_count = 2, .workers = 1};
	void *base;

	(void)argc;
	(void)argv;
	if (!mkdtemp(dir) || setrlimit(RLIMIT_FSIZE, &small) < 0)
		abort();
	atexit(dir_remove);
	signal(SIGXFSZ, SIG_IGN);
	cfg.channel_fd = memfd_create("channel", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	cfg.kick_fd = eventfd(0, 0);
	cfg.call_fd = eventfd(0, 0);
	cfg.control_fd = -1;
	for (int i = 0; i < 2; i++) {
		mounts[i].fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		mounts[i].readonly = i;
	}
	if (ftruncate(cfg.channel_fd, size) < 0 ||
	    fcntl(cfg.channel_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		abort();
	base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cfg.channel_fd, 0);
	if (abi_gofer_format(base, (uint32_t)size) || gofer_server_open(&server, &cfg) ||
	    fchdir(server.proc_fd) < 0)
		abort();
	worker = &server.workers[0];
	return 0;
}

static void handles_close(void)
{
	for (uint32_t i = 1; i <= server.handle_top; i++)
		if (server.handles[i].live)
			gofer_handle_close(&server, server.handles[i].gen << 16 | (i - 1));
	if (server.handle_count)
		abort();
	/* The same input shall meet the same handle numbers. */
	server.handle_top = server.handle_free = 0;
}

static int dispatch(const struct abi_gofer_request *q)
{
	worker->q = *q;
	gofer_dispatch(worker);
	if (abi_gofer_reply_check(&worker->r, q))
		abort();
	return worker->r.error;
}

/* A directory with a file and a link, and the first handles: what inputs can refer to. */
static void start(void)
{
	struct abi_gofer_request q = {.size = sizeof(q), .op = ABI_GOFER_ATTACH};

	dir_clear();
	close(openat(mounts[0].fd, "f", O_CREAT | O_WRONLY, 0600));
	mkdirat(mounts[0].fd, "d", 0700);
	symlinkat("/etc/passwd", mounts[0].fd, "l");
	q.args.attach.version = ABI_GOFER_VERSION;
	for (q.args.attach.mount = 0; q.args.attach.mount < 2; q.args.attach.mount++)
		if (dispatch(&q))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	while (size >= sizeof(struct abi_gofer_request)) {
		struct abi_gofer_request q;
		size_t in;

		memcpy(&q, data, sizeof(q));
		data += sizeof(q);
		size -= sizeof(q);
		/* Most inputs would stop at these; one in four keeps what it brought. */
		if (q.size & 3) {
			q.size = sizeof(q);
			q.zero = 0;
			q.op %= ABI_GOFER_OPS + 1;
			q.flags &= 7;
		}
		/* Whole-file-system syncs only cost time. */
		if (q.op == ABI_GOFER_SYNCFS || q.op == ABI_GOFER_FSYNC)
			continue;
		in = size < IN_BYTES ? size : IN_BYTES;
		memcpy(server.chan.base + server.chan.data_off, data, in);
		data += in;
		size -= in;
		dispatch(&q);
	}
	handles_close();
	return 0;
}
