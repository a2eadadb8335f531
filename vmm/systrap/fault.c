/* fault.c - a fault of the kernel becomes a report
 *
 * The kernel of the hosted machine is code of this process: a wrong pointer in it is a SIGSEGV of
 * a virtual CPU's thread, whose stack may be the fault's cause. The handler runs on a stack of its
 * own, keeps the registers and gives the verdict, as a vCPU of KVM that cannot go on does; the main
 * thread writes the report (vmm/sandbox/report.c). A fault anywhere else is nobody's to explain,
 * and ends the process as it would without this.
 * Tests: test/hosted/sanitized.c, in the sanitizer build
 */
#include "vmm/systrap/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "vmm/util/util.h"

#define STACK_SIZE (64u << 10)

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};

/* What a thread's fault left behind. One dies for the sandbox: the first. */
static struct {
	const struct vcpu *cpu; /* [a] null: none yet */
	greg_t regs[NGREG];
} fault;
static __thread struct vcpu *self;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const struct vcpu *none = NULL;
	char why[128];

	if (!self) {
		sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
		return; /* to the same instruction */
	}
	if (__atomic_compare_exchange_n(&fault.cpu, &none, self, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		memcpy(fault.regs, uc->uc_mcontext.gregs, sizeof(fault.regs));
	snprintf(why, sizeof(why), "signal %d (%s) in the kernel, address %p", signal,
		 sigabbrev_np(signal), info->si_addr);
	self->vm->died(self, why);
}

int fault_catch(struct error *err)
{
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigfillset(&act.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], &act, NULL))
			return error_sys(err, "sigaction");
	return 0;
}

void fault_thread(struct vcpu *cpu)
{
	stack_t stack = {.ss_sp = malloc(STACK_SIZE), .ss_size = STACK_SIZE};
	sigset_t set;

	if (!stack.ss_sp || sigaltstack(&stack, NULL))
		return; /* then a fault goes without a report */
	self = cpu;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

#define R(name) ((unsigned long long)fault.regs[REG_##name])

int fault_registers(const struct vcpu *cpu, FILE *out, struct arch_frame *at)
{
	if (__atomic_load_n(&fault.cpu, __ATOMIC_ACQUIRE) != cpu)
		return -1;
	fprintf(out, "  rip %016llx rsp %016llx rflags %08llx error %llx trap %llu\n", R(RIP),
		R(RSP), R(EFL), R(ERR), R(TRAPNO));
	fprintf(out, "  rax %016llx rbx %016llx rcx %016llx rdx %016llx\n", R(RAX), R(RBX), R(RCX),
		R(RDX));
	fprintf(out, "  rsi %016llx rdi %016llx rbp %016llx r8  %016llx\n", R(RSI), R(RDI), R(RBP),
		R(R8));
	fprintf(out, "  r9  %016llx r10 %016llx r11 %016llx r12 %016llx\n", R(R9), R(R10), R(R11),
		R(R12));
	fprintf(out, "  r13 %016llx r14 %016llx r15 %016llx cr2 %016llx\n", R(R13), R(R14), R(R15),
		R(CR2));
	*at = (struct arch_frame){.ip = R(RIP), .sp = R(RSP), .fp = R(RBP)};
	return 0;
}
