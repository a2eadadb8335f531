/* sites.c - call sites that a test makes and uses */
#include "sites.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* mov $nr, %eax; syscall; ret */
site_fn put_site(unsigned char *at, uint32_t nr)
{
	unsigned char code[] = {0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};

	memcpy(code + 1, &nr, sizeof(nr));
	memcpy(at, code, sizeof(code));
	return (site_fn)(uintptr_t)at;
}

/* A page of text that is not writable; sites are put by fill(). */
unsigned char *text_page(void (*fill)(unsigned char *page, void *arg), void *arg)
{
	unsigned char *p =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	memset(p, 0xcc, PAGE);
	fill(p, arg);
	REQUIRE_OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	return p;
}

site_fn as_fn(const unsigned char *at)
{
	return (site_fn)(uintptr_t)at;
}

void warm(const unsigned char *at)
{
	for (int i = 0; i < OFTEN; i++)
		as_fn(at)(0, 0, 0);
}

__asm__("	.text\n"
	".globl regs_call\n"
	"regs_call:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n"
	"	push %r15\n	push %rsi\n	push %rdi\n"
	"	mov %rsi, %rax\n"
	"	mov 0(%rax), %rbx\n	mov 8(%rax), %rsi\n	mov 16(%rax), %rdi\n"
	"	mov 24(%rax), %rdx\n	mov 32(%rax), %r8\n	mov 40(%rax), %r9\n"
	"	mov 48(%rax), %r10\n	mov 56(%rax), %r12\n	mov 64(%rax), %r13\n"
	"	mov 72(%rax), %r14\n	mov 80(%rax), %r15\n	mov 88(%rax), %rbp\n"
	"	stc\n	std\n"
	"	call *(%rsp)\n"
	"	pushfq\n	cld\n"
	"	xchg %rax, 16(%rsp)\n"
	"	mov %rbx, 0(%rax)\n	mov %rsi, 8(%rax)\n	mov %rdi, 16(%rax)\n"
	"	mov %rdx, 24(%rax)\n	mov %r8, 32(%rax)\n	mov %r9, 40(%rax)\n"
	"	mov %r10, 48(%rax)\n	mov %r12, 56(%rax)\n	mov %r13, 64(%rax)\n"
	"	mov %r14, 72(%rax)\n	mov %r15, 80(%rax)\n	mov %rbp, 88(%rax)\n"
	"	mov %rcx, 104(%rax)\n	mov %r11, 112(%rax)\n"
	"	pop %rcx\n	mov %rcx, 120(%rax)\n"
	"	mov 8(%rsp), %rcx\n	mov %rcx, 96(%rax)\n"
	"	add $16, %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	"
	"pop %rbx\n"
	"	ret\n");

/* ---- with the instruction behind the call ---- */

const unsigned char cmp[CMP_SIZE] = {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff};

/* mov $nr, %eax; nop; syscall; next; ret */
void put_next(unsigned char *at, uint32_t nr, const void *next, size_t n)
{
	static const unsigned char call[] = {0x90, 0x0f, 0x05};

	at[0] = 0xb8;
	memcpy(at + 1, &nr, sizeof(nr));
	memcpy(at + 5, call, sizeof(call));
	memcpy(at + BEHIND, next, n);
	at[BEHIND + n] = 0xc3;
}

void fill_next(unsigned char *page, void *arg)
{
	const struct next *n = arg;

	put_next(page + 64, n->nr, n->code, n->size);
}

unsigned char *one_next(uint32_t nr)
{
	struct next n = {nr, cmp, sizeof(cmp)};

	return text_page(fill_next, &n) + 64;
}

void fill_all_next(unsigned char *page, void *arg)
{
	for (int i = 0; i < SITES; i++)
		put_next(page + i * 64, i & 1 ? SYS_gettid : SYS_getppid, cmp, sizeof(cmp));
}

/* This machine changes call sites. */
bool machine_patches(void)
{
	static unsigned char *page;

	if (!page) {
		page = text_page(fill_all_next, NULL);
		warm(page);
	}
	return strstr(abi_read_file("/proc/self/maps"), "[trampoline]") != NULL;
}

void check_patched(const unsigned char *at)
{
	const volatile unsigned char *call = at + CALL;

	CHECK_EQ(*call, machine_patches() ? 0xe9 : 0x0f);
}

/* A jump behind the call: the instruction there, and nothing else. */
void jump_behind(const unsigned char *at, uint64_t rax)
{
	uint64_t rcx = 0x1234, flags;

	__asm__ volatile("subq $256, %%rsp\n\tmovq $0x5678, %%r11\n\tcall *%3\n\tpushfq\n\t"
			 "popq %2\n\taddq $256, %%rsp\n\tsubq $0x5678, %%r11\n\tadd %%r11, %1"
			 : "+a"(rax), "+c"(rcx), "=r"(flags)
			 : "r"(at + BEHIND)
			 : "r11", "memory");
	CHECK_EQ(rcx, 0x1234);
	CHECK_EQ(flags & CF, rax < -4095ull);
}

bool in_program(uint64_t rip)
{
	extern const char __executable_start[], etext[];

	return rip >= (uint64_t)(uintptr_t)__executable_start && rip < (uint64_t)(uintptr_t)etext;
}

long call_in_storm(const unsigned char *at, void (*handler)(int, siginfo_t *, void *),
		   const volatile long *hits)
{
	struct itimerval often = {{0, 500}, {0, 500}}, never = {0};
	struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	pid_t parent = getppid();
	long wrong = 0;

	REQUIRE_OK(sigaction(SIGALRM, &act, NULL));
	REQUIRE_OK(setitimer(ITIMER_REAL, &often, NULL));
	for (long i = 0; *hits < 300 && i < 30000000; i++)
		wrong += as_fn(at)(0, 0, 0) != parent;
	REQUIRE_OK(setitimer(ITIMER_REAL, &never, NULL));
	return wrong;
}
