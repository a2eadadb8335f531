/* fault.c - see fault.h */
#include "fault.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "abitest.h"

static sigjmp_buf fault_return;
static volatile struct fault fault_seen;

static void fault_handler(int signo, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	fault_seen.signo = signo;
	fault_seen.code = info->si_code;
	fault_seen.addr = info->si_addr;
	fault_seen.trapno = uc->uc_mcontext.gregs[REG_TRAPNO];
	fault_seen.error = uc->uc_mcontext.gregs[REG_ERR];
	siglongjmp(fault_return, 1);
}

static void fault_install(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = fault_handler;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	memset((void *)&fault_seen, 0, sizeof(fault_seen));
}

static struct fault fault_result(void)
{
	return (struct fault){fault_seen.signo, fault_seen.code, fault_seen.addr, fault_seen.trapno,
			      fault_seen.error};
}

struct fault fault_touch(void *addr, bool write)
{
	volatile char *p = addr;

	fault_install();
	if (sigsetjmp(fault_return, 1) == 0) {
		if (write)
			*p = 42;
		else
			(void)*p;
	}
	return fault_result();
}

struct fault fault_call(void *addr)
{
	void (*fn)(void) = (void (*)(void))addr;

	fault_install();
	if (sigsetjmp(fault_return, 1) == 0)
		fn();
	return fault_result();
}

void fault_expect(const char *file, int line, void *addr, bool write, int signo, int code)
{
	struct fault f = fault_touch(addr, write);

	if (f.signo != signo || f.code != code)
		abi_fail(file, line, "%s at %p: signal %d code %d, not %d code %d",
			 write ? "write" : "read", addr, f.signo, f.code, signo, code);
	else if (signo && f.addr != addr)
		abi_fail(file, line, "%s at %p: si_addr %p", write ? "write" : "read", addr,
			 f.addr);
}
