/* serve.c - the file server: one process per container, between its mounts and the guest
 *
 * Provides: gofer_serve(). One channel (abi/ring.h, abi/gofer.h), a list of mounts, nothing else:
 *   once it has shed its rights (jail.c, filter.c) the process can reach only what lies below
 *   the mounts, and makes only the calls that the operations need.
 * Owns: handles (handle.c) and their descriptors. The guest's memory is never believed: a slot is
 *   copied once, what is judged is the copy. No memory is allocated after the start, so that the
 *   filter needs no memory calls.
 * Threads: a few equal workers. Each takes a request, serves it, answers, polls a moment for the
 *   next one, and then sleeps on the doorbell, all with EPOLLEXCLUSIVE, so that one doorbell wakes
 *   one. Before a worker starts to serve it arms the ring again: what arrives meanwhile rings and
 *   wakes another. So a guest with one request in flight is served by one warm thread without any
 *   hand-over, and a read that waits for a disk never holds up a stat. A single thread with a
 *   queue would have the second fault, a dispatcher with a pool a switch per request. The first
 *   thread only watches the control socket.
 * Ending: the control socket ends or the guest closes the channel (0), or the guest breaks the
 *   ring's rules (-EPROTO). In all cases the channel is marked closed and the guest's doorbell
 *   rung, so that it answers EIO.
 * Locks: rx (request ring, and polling it), tx (completion ring), table, dir stripes: all leaves.
 * Sleeps: workers in file calls and in epoll; nobody with rx, tx or table held, but for the
 *   bounded polling under rx, during which no doorbell is asked for and none wakes another.
 * Invariants: a slot in flight has its busy bit; a second submission of it is a broken guest.
 *   Doorbells that bring nothing, many in a row, make a worker pause: a flood costs the guest more.
 * Tests: test/unit/gofer/ (in process), serve_test.c there (the confined process) */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_USUAL 3u
#define SPIN_NS	      30000u
#define EMPTY_MAX     64u
#define EMPTY_PAUSE   1000000 /* ns */
#define STACK_BYTES   (256u << 10)
/* Descriptors that are not handles': our own, and one per worker in the middle of an operation. */
#define FDS_OWN 64u

enum event { EVENT_KICK = 1, EVENT_STOP, EVENT_CONTROL };

static int fail(const char *what, int r)
{
	fprintf(stderr, "gofer: %s: %s\n", what, strerror(-r));
	return r;
}

static void ring_doorbell(int fd)
{
	const uint64_t one = 1;

	/* A full counter rings as well. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* The first reason stays. */
static void server_stop(struct gofer_server *srv, int reason)
{
	int running = 0;

	if (!__atomic_compare_exchange_n(&srv->stopping, &running, reason, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return;
	abi_channel_close(&srv->chan, 1);
	ring_doorbell(srv->call_fd);
	ring_doorbell(srv->stop_fd);
}

static bool server_stopping(struct gofer_server *srv)
{
	return __atomic_load_n(&srv->stopping, __ATOMIC_ACQUIRE) != 0;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Polls the ring for a bounded time, without wanting doorbells. */
static int ring_spin_locked(struct gofer_server *srv, struct abi_ring_desc *d)
{
	uint64_t end;
	int r = ABI_RING_AGAIN;

	if (!srv->spin_ns)
		return r;
	abi_ring_disarm_get(&srv->req);
	end = now_ns() + srv->spin_ns;
	do
		r = abi_ring_get(&srv->req, d);
	while (r == ABI_RING_AGAIN && now_ns() < end && !server_stopping(srv));
	return r;
}

/* Takes the next request. AGAIN: there is none, and the ring is armed. Who took a doorbell has to
 * look at the ring after whoever is looking just now: that one may have armed it before the request
 * came, and be on its way to sleep. */
static int ring_take(struct gofer_server *srv, uint32_t *slot)
{
	struct abi_ring_desc d;
	bool more = false;
	int r;

	pthread_mutex_lock(&srv->rx);
	r = abi_ring_get(&srv->req, &d);
	if (r == ABI_RING_AGAIN)
		r = ring_spin_locked(srv, &d);
	if (r == ABI_RING_AGAIN && abi_ring_arm_get(&srv->req) != ABI_RING_AGAIN)
		r = abi_ring_get(&srv->req, &d);
	if (r == ABI_RING_OK) {
		abi_ring_release(&srv->req);
		more = abi_ring_arm_get(&srv->req) == ABI_RING_OK;
	}
	pthread_mutex_unlock(&srv->rx);
	if (r == ABI_RING_OK)
		*slot = d.id;
	/* What is waiting already rang: another worker must be told by us. */
	if (more)
		ring_doorbell(srv->kick_fd);
	return r;
}

static bool slot_claim(struct gofer_server *srv, uint32_t slot)
{
	const uint64_t bit = 1ull << (slot % 64);

	if (slot >= srv->chan.slot_count)
		return false;
	return !(__atomic_fetch_or(&srv->busy[slot / 64], bit, __ATOMIC_ACQ_REL) & bit);
}

/* Answers. The busy bit goes first: the guest may use the slot again as soon as it sees it. */
static int slot_complete(struct gofer_worker *w, uint32_t slot)
{
	struct gofer_server *srv = w->srv;
	uint8_t *base = abi_channel_slot(&srv->chan, slot);
	int r, ring;

	abi_copy_words(base + ABI_GOFER_REPLY_OFF, &w->r, sizeof(w->r));
	__atomic_fetch_and(&srv->busy[slot / 64], ~(1ull << (slot % 64)), __ATOMIC_ACQ_REL);
	pthread_mutex_lock(&srv->tx);
	r = abi_ring_put(&srv->cpl, slot, 0, 0);
	ring = abi_ring_publish(&srv->cpl);
	pthread_mutex_unlock(&srv->tx);
	if (ring)
		ring_doorbell(srv->call_fd);
	/* The ring has an entry for every slot: no room means that the guest has taken none back.
	 */
	return r;
}

static void worker_serve(struct gofer_worker *w, uint32_t slot)
{
	struct gofer_server *srv = w->srv;

	if (!slot_claim(srv, slot)) {
		server_stop(srv, -EPROTO);
		return;
	}
	abi_copy_words(&w->q, (uint8_t *)abi_channel_slot(&srv->chan, slot) + ABI_GOFER_REQUEST_OFF,
		       sizeof(w->q));
	gofer_dispatch(w);
	if (slot_complete(w, slot) != ABI_RING_OK)
		server_stop(srv, -EPROTO);
}

/* Sleeps until a doorbell. */
static void worker_sleep(struct gofer_worker *w)
{
	struct epoll_event ev[2];
	uint64_t count;
	int n;

	if (++w->empty > EMPTY_MAX) {
		const struct timespec pause = {.tv_nsec = EMPTY_PAUSE};

		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	n = epoll_pwait(w->epfd, ev, 2, -1, NULL);
	for (int i = 0; i < n; i++)
		if (ev[i].data.u32 == EVENT_KICK &&
		    read(w->srv->kick_fd, &count, sizeof(count)) < 0)
			continue;
}

static void worker_loop(struct gofer_worker *w)
{
	while (!server_stopping(w->srv)) {
		uint32_t slot = 0;
		int r = ring_take(w->srv, &slot);

		if (r == ABI_RING_BROKEN) {
			server_stop(w->srv, -EPROTO);
		} else if (r == ABI_RING_AGAIN && abi_channel_closed(&w->srv->chan)) {
			server_stop(w->srv, 1); /* the guest has no more use for it */
		} else if (r == ABI_RING_AGAIN) {
			worker_sleep(w);
		} else {
			w->empty = 0;
			worker_serve(w, slot);
		}
	}
}

static void server_exit(const struct gofer_server *srv)
{
	_exit(srv->stopping < 0 ? 1 : 0);
}

struct start {
	struct gofer_worker *w;
	pthread_barrier_t *gate;
};

static void *worker_main(void *arg)
{
	struct start s = *(struct start *)arg;

	/* Once: the thread's own start-up calls are over. Twice: the filter is in place. */
	pthread_barrier_wait(s.gate);
	pthread_barrier_wait(s.gate);
	worker_loop(s.w);
	/* Ending a thread alone takes calls that the filter does not have. */
	if (s.w->srv->confined)
		server_exit(s.w->srv);
	return NULL;
}

static int epoll_add(int epfd, int fd, uint32_t events, enum event what)
{
	struct epoll_event ev = {.events = events, .data.u32 = what};

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int worker_open(struct gofer_server *srv, struct gofer_worker *w)
{
	int r;

	w->srv = srv;
	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epfd < 0)
		return -errno;
	r = epoll_add(w->epfd, srv->kick_fd, EPOLLIN | EPOLLEXCLUSIVE, EVENT_KICK);
	if (!r)
		r = epoll_add(w->epfd, srv->stop_fd, EPOLLIN, EVENT_STOP);
	return r;
}

/* Maps and checks the channel. */
static int channel_open(struct gofer_server *srv, int fd)
{
	const int want = F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *base;

	if (seals < 0 || (seals & want) != want)
		return fail("channel is not sealed", seals < 0 ? -errno : -EPERM);
	if (fstat(fd, &st) < 0)
		return fail("channel", -errno);
	if (st.st_size <= 0 || st.st_size > ABI_CHANNEL_SIZE_MAX)
		return fail("channel size", -EINVAL);
	base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return fail("channel", -errno);
	srv->chan.base = base;
	srv->chan.size = (uint32_t)st.st_size;
	if (abi_channel_open(&srv->chan, base, (uint64_t)st.st_size, ABI_CHANNEL_GOFER) ||
	    srv->chan.slot_size < ABI_GOFER_SLOT_SIZE ||
	    abi_channel_rings(&srv->chan, &srv->req, &srv->cpl))
		return fail("channel layout", -EPROTO);
	return 0;
}

/* As many descriptors as the host allows, handles as many as those leave room for. */
static void limits_set(struct gofer_server *srv)
{
	struct rlimit lim = {1024, 1024};
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
			getrlimit(RLIMIT_NOFILE, &lim);
	}
	room = lim.rlim_cur > 2 * FDS_OWN ? lim.rlim_cur - FDS_OWN : FDS_OWN;
	srv->handle_cap = room < ABI_GOFER_HANDLES_MAX ? (uint32_t)room : ABI_GOFER_HANDLES_MAX;
}

static void locks_init(struct gofer_server *srv)
{
	pthread_mutex_init(&srv->rx, NULL);
	pthread_mutex_init(&srv->tx, NULL);
	pthread_mutex_init(&srv->table, NULL);
	for (unsigned i = 0; i < GOFER_DIR_LOCKS; i++)
		pthread_mutex_init(&srv->dir[i], NULL);
}

static int tables_alloc(struct gofer_server *srv, const struct gofer_config *cfg)
{
	cpu_set_t cpus;

	if (cfg->mount_count == 0 || cfg->mount_count > ABI_GOFER_MOUNTS_MAX ||
	    cfg->workers > GOFER_WORKERS_MAX)
		return fail("mounts or workers", -EINVAL);
	limits_set(srv);
	srv->mount_count = cfg->mount_count;
	srv->worker_count = cfg->workers ? cfg->workers : WORKERS_USUAL;
	srv->handles = calloc(srv->handle_cap + 1, sizeof(*srv->handles));
	srv->mounts = calloc(cfg->mount_count, sizeof(*srv->mounts));
	srv->workers = calloc(srv->worker_count, sizeof(*srv->workers));
	if (!srv->handles || !srv->mounts || !srv->workers)
		return fail("tables", -ENOMEM);
	memcpy(srv->mounts, cfg->mounts, cfg->mount_count * sizeof(*srv->mounts));
	for (unsigned i = 0; i < srv->worker_count; i++)
		srv->workers[i].epfd = -1;
	/* On one processor polling only keeps the guest from running. */
	CPU_ZERO(&cpus);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 1)
		srv->spin_ns = SPIN_NS;
	return 0;
}

/* Prepares everything that needs rights or memory. On an error: gofer_server_close(). */
int gofer_server_open(struct gofer_server *srv, const struct gofer_config *cfg)
{
	int flags, r;

	memset(srv, 0, sizeof(*srv));
	srv->kick_fd = cfg->kick_fd;
	srv->call_fd = cfg->call_fd;
	srv->control_fd = cfg->control_fd;
	srv->allow_mknod = cfg->allow_mknod;
	srv->confined = cfg->confine;
	srv->proc_fd = srv->stop_fd = -1;
	locks_init(srv);
	r = tables_alloc(srv, cfg);
	if (!r)
		r = channel_open(srv, cfg->channel_fd);
	if (r)
		return r;
	srv->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (srv->stop_fd < 0)
		return fail("eventfd", -errno);
	flags = fcntl(srv->kick_fd, F_GETFL);
	if (flags < 0 || fcntl(srv->kick_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return fail("doorbell", -errno);
	for (unsigned i = 0; i < srv->worker_count; i++) {
		r = worker_open(srv, &srv->workers[i]);
		if (r)
			return fail("epoll", r);
	}
	umask(0);
	srv->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (srv->proc_fd < 0)
		return fail("/proc/self/fd", -errno);
	return 0;
}

void gofer_server_close(struct gofer_server *srv)
{
	for (uint32_t i = 1; srv->handles && i <= srv->handle_top; i++) {
		if (srv->handles[i].refs && srv->handles[i].fd >= 0)
			close(srv->handles[i].fd);
		if (srv->handles[i].refs && srv->handles[i].io >= 0)
			close(srv->handles[i].io);
	}
	for (unsigned i = 0; srv->workers && i < srv->worker_count; i++)
		if (srv->workers[i].epfd >= 0)
			close(srv->workers[i].epfd);
	if (srv->stop_fd >= 0)
		close(srv->stop_fd);
	if (srv->proc_fd >= 0)
		close(srv->proc_fd);
	if (srv->chan.base)
		munmap(srv->chan.base, srv->chan.size);
	free(srv->handles);
	free(srv->mounts);
	free(srv->workers);
}

/* Until the control socket ends or a worker stops the server. */
static void control_watch(struct gofer_server *srv, int epfd)
{
	while (!server_stopping(srv)) {
		struct epoll_event ev;
		char buf[64];
		ssize_t n;

		if (epoll_pwait(epfd, &ev, 1, -1, NULL) < 1 || ev.data.u32 != EVENT_CONTROL)
			continue;
		n = read(srv->control_fd, buf, sizeof(buf));
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			server_stop(srv, 1);
	}
}

static int workers_start(struct gofer_server *srv, pthread_barrier_t *gate, struct start *starts)
{
	pthread_attr_t attr;
	int r = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned i = 0; i < srv->worker_count && !r; i++) {
		starts[i] = (struct start){&srv->workers[i], gate};
		r = pthread_create(&srv->workers[i].thread, &attr, worker_main, &starts[i]);
	}
	pthread_attr_destroy(&attr);
	return -r;
}

/* Serves until the end: 0, or -EPROTO. */
int gofer_server_run(struct gofer_server *srv)
{
	struct start starts[GOFER_WORKERS_MAX];
	pthread_barrier_t gate;
	int epfd = epoll_create1(EPOLL_CLOEXEC), r;

	if (epfd < 0)
		return fail("epoll", -errno);
	r = epoll_add(epfd, srv->control_fd, EPOLLIN | EPOLLRDHUP, EVENT_CONTROL);
	if (!r)
		r = epoll_add(epfd, srv->stop_fd, EPOLLIN, EVENT_STOP);
	if (r)
		return fail("control socket", r);
	pthread_barrier_init(&gate, NULL, srv->worker_count + 1);
	r = workers_start(srv, &gate, starts);
	if (r) {
		/* Those that did start wait at the gate for ever: only the process can end. */
		fail("threads", r);
		_exit(1);
	}
	pthread_barrier_wait(&gate);
	if (srv->confined && gofer_filter_load(srv))
		_exit(1);
	pthread_barrier_wait(&gate);
	control_watch(srv, epfd);
	r = srv->stopping < 0 ? srv->stopping : 0;
	if (srv->confined)
		server_exit(srv);
	for (unsigned i = 0; i < srv->worker_count; i++)
		pthread_join(srv->workers[i].thread, NULL);
	pthread_barrier_destroy(&gate);
	close(epfd);
	return r;
}

int gofer_serve(const struct gofer_config *cfg)
{
	struct gofer_server srv;
	int r = gofer_server_open(&srv, cfg);

	if (r)
		goto out_close;
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (cfg->confine) {
		r = gofer_jail_mounts(&srv);
		if (!r)
			r = gofer_jail_enter(&srv, cfg);
	}
	if (r)
		goto out_close;
	/* Extended attributes are named relative to our descriptors (op_xattr.c). */
	if (fchdir(srv.proc_fd) < 0) {
		r = fail("descriptor directory", -errno);
		goto out_close;
	}
	r = gofer_server_run(&srv);
out_close:
	gofer_server_close(&srv);
	return r;
}
