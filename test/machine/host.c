/* host.c - fibres, memory, output and randomness for the scripted machine: see host.h */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "host.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define FIBRE_STACK (192 * 1024)
#define FIBRE_HEAD  8192 /* struct fibre, then a guard page */

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define WITH_ASAN 1
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

struct fibre {
	ucontext_t uc;
	void *fake; /* the sanitizer's shadow of a suspended stack */
	const void *bottom;
	size_t size;
	void (*fn)(void *arg);
	void *arg;
	struct fibre *next_free;
};

static struct fibre main_fibre;
static struct fibre *running = &main_fibre;
static struct fibre *switched_from;
static struct fibre *free_list;

static void switch_begin(struct fibre *to)
{
#ifdef WITH_ASAN
	__sanitizer_start_switch_fiber(&running->fake, to->bottom, to->size);
#endif
	switched_from = running;
	running = to;
}

static void switch_end(void)
{
#ifdef WITH_ASAN
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(running->fake, &bottom, &size);
	if (switched_from == &main_fibre) {
		main_fibre.bottom = bottom;
		main_fibre.size = size;
	}
#endif
}

void fibre_switch(struct fibre *to)
{
	struct fibre *from = running;

	if (to == from)
		return;
	switch_begin(to);
	swapcontext(&from->uc, &to->uc);
	switch_end();
}

static void fibre_main(void)
{
	switch_end();
	running->fn(running->arg);
	host_fail("a fibre's function returned");
}

struct fibre *fibre_new(void)
{
	struct fibre *f = free_list;
	char *p;

	if (f) {
		free_list = f->next_free;
		return f;
	}
	p = mmap(NULL, FIBRE_HEAD + FIBRE_STACK, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED || mprotect(p + FIBRE_HEAD / 2, FIBRE_HEAD / 2, PROT_NONE))
		host_fail("no memory for a fibre");
	f = (void *)p;
	f->bottom = p + FIBRE_HEAD;
	f->size = FIBRE_STACK;
	return f;
}

void fibre_start(struct fibre *f, void (*fn)(void *arg), void *arg)
{
	f->fn = fn;
	f->arg = arg;
	f->fake = NULL;
	getcontext(&f->uc);
	f->uc.uc_stack.ss_sp = (void *)f->bottom;
	f->uc.uc_stack.ss_size = f->size;
	f->uc.uc_link = NULL;
	makecontext(&f->uc, fibre_main, 0);
}

void fibre_free(struct fibre *f)
{
	if (f == running)
		host_fail("the running fibre is freed");
#ifdef WITH_ASAN
	__asan_unpoison_memory_region(f->bottom, f->size);
#endif
	f->next_free = free_list;
	free_list = f;
}

struct fibre *fibre_self(void)
{
	return running;
}

void *fibre_stack(struct fibre *f)
{
	return (void *)f->bottom;
}

struct fibre *fibre_of_stack(void *lowest)
{
	return (void *)((char *)lowest - FIBRE_HEAD);
}

void *host_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		host_fail("no memory: %zu bytes", size);
	return p;
}

void *host_zalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		host_fail("no memory: %zu bytes", size);
	return p;
}

void host_free(void *p)
{
	free(p);
}

static uint64_t rand_state = 1;

void host_seed(uint64_t seed)
{
	rand_state = seed * 0x9e3779b97f4a7c15u + 1;
}

/* xorshift64*: repeatable, and good enough to choose whose turn it is */
uint64_t host_rand(void)
{
	rand_state ^= rand_state >> 12;
	rand_state ^= rand_state << 25;
	rand_state ^= rand_state >> 27;
	return rand_state * 0x2545f4914f6cdd1du;
}

int host_format(char *buf, size_t size, const char *fmt, va_list ap)
{
	return vsnprintf(buf, size, fmt, ap);
}

bool host_verbose;
static char log_tail[16384];
static size_t log_len;

void host_log(const char *text, size_t n)
{
	if (host_verbose)
		fwrite(text, 1, n, stderr);
	if (n > sizeof(log_tail) / 2)
		n = sizeof(log_tail) / 2;
	if (log_len + n > sizeof(log_tail)) {
		memmove(log_tail, log_tail + log_len / 2, log_len - log_len / 2);
		log_len -= log_len / 2;
	}
	memcpy(log_tail + log_len, text, n);
	log_len += n;
}

void host_fail(const char *fmt, ...)
{
	va_list ap;

	if (!host_verbose)
		fwrite(log_tail, 1, log_len, stderr);
	va_start(ap, fmt);
	fputs("machine: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

int host_run_forked(void (*fn)(void *arg), void *arg, unsigned seconds)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		host_fail("fork failed");
	if (pid == 0) {
		alarm(seconds);
		fn(arg);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void host_exit(int status)
{
	fflush(NULL);
	_exit(status);
}
