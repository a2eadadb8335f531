/* entry.S - a stub's first instruction, its signal entry, the way back, and the mapper
 *
 * The application shares the address space and may jump anywhere in here. What that gives it: the
 * one system call instruction of its own threads (stub_syscall), behind a filter that lets three
 * harmless calls through. The mapper keeps all it needs in registers, which nobody else can reach,
 * reads its orders from a page that cannot be written here, and says "done" on a descriptor that
 * only it has.
 */
#include "stub_offsets.h"

	.section .text.start, "ax"
	/* Enters the process that stubs are forked from; edi: virtual CPUs. */
	.globl	stub_start
stub_start:
	movabsq	$(STUB_STACK_TOP), %rsp
	xorl	%ebp, %ebp
	call	stub_parent
	ud2

	/* A patched call site (hosted/patch.c) comes here, at STUB_SITE: rax number, rcx where the
	 * call returns, r11 where to go on then; these two are lost in a call. GS points to the
	 * area. No stack but the area's. Everything is where the kernel looks for it before the
	 * turn is given.
	 * getpid and gettid are answered here, if the kernel has left the answer in the area. No
	 * flag changes up to STUB_SITE_IN, and each step can be told from the program counter. */
	.org	STUB_ANSWER_AT
.Lgetpid:
	movl	%gs:A_PID, %ecx
	jrcxz	.Lsite_ask
	jmp	.Lanswered
.Lgettid:
	movl	%gs:A_TID, %ecx
	jrcxz	.Lsite_ask
	.org	STUB_ANSWERED_AT, 0x90
.Lanswered:
	movl	%ecx, %eax
	movq	%gs:A_AFTER, %rcx
	jmp	*%gs:A_TAIL
	.globl	stub_site
	.org	STUB_SITE_AT
stub_site:
	movq	%r11, %gs:A_TAIL
	movq	%rcx, %gs:A_AFTER
	.org	STUB_SITE_KEPT_AT
	leal	-39(%rax), %ecx
	jrcxz	.Lgetpid
	leal	-186(%rax), %ecx
	jrcxz	.Lgettid
.Lsite_ask:
	movq	%gs:A_AFTER, %rcx
	.org	STUB_SITE_IN_AT
	movq	%rsp, %gs:R_RSP
	movq	%gs:A_TOP, %rsp
	pushfq
	popq	%r11
	cld
	movq	%rbx, %gs:R_RBX
	leaq	-AREA_TOP(%rsp), %rbx
	movq	%r8, R_R8(%rbx)
	movq	%r9, R_R9(%rbx)
	movq	%r10, R_R10(%rbx)
	movq	%r11, R_R11(%rbx)
	movq	%r12, R_R12(%rbx)
	movq	%r13, R_R13(%rbx)
	movq	%r14, R_R14(%rbx)
	movq	%r15, R_R15(%rbx)
	movq	%rdi, R_RDI(%rbx)
	movq	%rsi, R_RSI(%rbx)
	movq	%rbp, R_RBP(%rbx)
	movq	%rdx, R_RDX(%rbx)
	movq	%rax, R_RAX(%rbx)
	movq	%rcx, R_RCX(%rbx)
	testl	$SET_FSGSBASE, A_SET(%rbx)
	jz	1f
	rdfsbase %rax
	movq	%rax, A_FS_BASE(%rbx)
1:	movl	$XSTATE_MASK, %eax
	xorl	%edx, %edx
	xsaveopt64 AREA_FPU(%rbx)
	movl	$EV_CALL, A_EVENT(%rbx)
	movl	$0, A_KICKED(%rbx)
	movl	$1, %eax
	xchgl	%eax, A_TURN(%rbx)
	cmpl	$0, A_KERNEL_SLEEPS(%rbx)
	jne	.Lsite_wait
	xorl	%ecx, %ecx
.Lsite_look:
	cmpl	$0, A_TURN(%rbx)
	je	.Lsite_turn
	pause
	incl	%ecx
	cmpl	A_LOOK(%rbx), %ecx
	jb	.Lsite_look
.Lsite_wait:
	movq	%rbx, %rdi
	call	stub_wait
.Lsite_turn:
	cmpl	$0, A_FAST(%rbx)
	je	.Lsite_whole
	/* As stub_leave: a kick in here takes the way back. */
	.globl	stub_fast, stub_fast_end
stub_fast:
	cmpl	$0, A_KICKED(%rbx)
	jne	.Lsite_kicked
	movq	R_R8(%rbx), %r8
	movq	R_R9(%rbx), %r9
	movq	R_R10(%rbx), %r10
	movq	R_RDI(%rbx), %rdi
	movq	R_RSI(%rbx), %rsi
	movq	R_RDX(%rbx), %rdx
	movq	R_RCX(%rbx), %rcx
	movq	R_R11(%rbx), %r11
	pushq	%r11
	popfq
	movq	A_RESULT(%rbx), %rax
	movq	R_RSP(%rbx), %rsp
	movq	R_RBX(%rbx), %rbx
	jmp	*%gs:A_TAIL
stub_fast_end:
.Lsite_kicked:
	movq	%rbx, %rax
	jmp	.Lmarked
.Lsite_whole:
	movq	%rbx, %rdi
	call	stub_go
	jmp	stub_leave

	.text
	/* long stub_call(nr, a, b, c, d, e) : the only system calls of application threads. */
	.globl	stub_call, stub_after
	.balign	16
stub_call:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	xorl	%r9d, %r9d
	syscall
stub_after:
	ret

	/* For set-up only: once the filter is there, a call from here traps. Six arguments. */
	.globl	stub_setup_call
	.balign	16
stub_setup_call:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	8(%rsp), %r9
	syscall
	ret

	/* long stub_clone(flags, fn, arg, stack): a thread that runs fn(arg) */
	.globl	stub_clone
	.balign	16
stub_clone:
	subq	$16, %rcx
	movq	%rsi, 0(%rcx)		/* the new thread finds them on its stack */
	movq	%rdx, 8(%rcx)
	movq	%rcx, %rsi
	movl	$56, %eax
	xorl	%edx, %edx
	xorl	%r10d, %r10d
	xorl	%r8d, %r8d
	syscall
	testq	%rax, %rax
	jz	1f
	ret
1:	xorl	%ebp, %ebp
	popq	%rbx
	popq	%rdi
	call	*%rbx
	ud2

	/* Loads the extended state at rdx, if any, and the registers at rax. */
	.macro	GO_ON
	movq	%rax, %rbx
	movq	%rdx, %rsi
	testq	%rsi, %rsi
	jz	661f
	movl	$-1, %eax
	movl	$-1, %edx
	xrstor64 (%rsi)
661:	pushq	$0x2b
	pushq	R_RSP(%rbx)
	pushq	R_RFLAGS(%rbx)
	pushq	$0x33
	pushq	R_RIP(%rbx)
	movq	R_R8(%rbx), %r8
	movq	R_R9(%rbx), %r9
	movq	R_R10(%rbx), %r10
	movq	R_R11(%rbx), %r11
	movq	R_R12(%rbx), %r12
	movq	R_R13(%rbx), %r13
	movq	R_R14(%rbx), %r14
	movq	R_R15(%rbx), %r15
	movq	R_RDI(%rbx), %rdi
	movq	R_RSI(%rbx), %rsi
	movq	R_RBP(%rbx), %rbp
	movq	R_RDX(%rbx), %rdx
	movq	R_RAX(%rbx), %rax
	movq	R_RCX(%rbx), %rcx
	movq	R_RBX(%rbx), %rbx
	iretq
	.endm

	/* Signal handler: rdi number, rsi siginfo, rdx ucontext. It runs in its CPU's area, and is
	 * left by iret, never by rt_sigreturn, which no thread of the application may call. */
	.globl	stub_signal
	.balign	16
stub_signal:
	cld
	movq	%rsp, %rcx
	andq	$-STUB_AREA_SIZE, %rcx
	movq	%rsp, %r8
	movq	%rcx, %rbx
	andq	$-16, %rsp
	call	stub_signalled
	/* rax: registers to go on with, rdx: extended state or null; or what else to do */
	testb	$LEAVE_BACK, %al
	jnz	.Lback
	testb	$LEAVE_NONE, %al
	jnz	.Lnone
	jmp	stub_leave
.Lback:
	/* To the stub's own code, where a kick changed nothing. */
	decq	%rax
	GO_ON

	/* The way to the application was not finished: once more from where it began. */
.Lnone:
	movq	A_BASE(%rbx), %rsp
	andq	$-16, %rsp
.Lkicked:
	movq	%rbx, %rdi
	call	stub_none

	/* To the application; rax is its area. From the first instruction here on a kick finds the
	 * program counter in this range; before, it leaves its mark. */
	.globl	stub_leave, stub_leave_end
stub_leave:
	cmpl	$0, A_KICKED(%rax)
	jne	.Lmarked
	GO_ON
stub_leave_end:
.Lmarked:
	movq	%rax, %rbx
	jmp	.Lkicked

	/* A thread's start: rdi its area; rsp is in it. */
	.globl	stub_thread
	.balign	16
stub_thread:
	leaq	STUB_AREA_SIZE-64(%rdi), %rsp
	movq	%rsp, A_BASE(%rdi)
	leaq	AREA_TOP(%rdi), %rax
	movq	%rax, A_TOP(%rdi)
	call	stub_none
	jmp	stub_leave

	.globl	stub_restorer
stub_restorer:
	ud2

	/* The mapper. rbx: orders, r12d: last sequence number, r13d: spins. No stack. Once it has
	 * said "done" the orders may be other ones: so where the turn goes is read before. By then
	 * the kernel may have the turn: a thread in its first steps gives it unasked. */
	.globl	stub_mapper
	.balign	16
stub_mapper:
	/* Its own filter: prctl(PR_SET_NO_NEW_PRIVS) was the parent's; seccomp(FILTER, 0, &prog) */
	movl	$317, %eax
	movl	$1, %edi
	xorl	%esi, %esi
	leaq	stub_mapper_prog(%rip), %rdx
	syscall
	testq	%rax, %rax
	jnz	.Lmapper_dead
	movabsq	$STUB_ORDERS_AT, %rbx
	xorl	%r12d, %r12d
.Lmapper_next:
	movl	O_SPIN(%rbx), %r13d
.Lmapper_look:
	movl	O_SEQ(%rbx), %r14d
	cmpl	%r12d, %r14d
	jne	.Lmapper_work
	testl	%r13d, %r13d
	jz	.Lmapper_sleep
	pause
	decl	%r13d
	jmp	.Lmapper_look
.Lmapper_sleep:
	movl	$202, %eax		/* futex(&seq, FUTEX_WAIT, seen, null) */
	movq	%rbx, %rdi
	xorl	%esi, %esi
	movl	%r12d, %edx
	xorl	%r10d, %r10d
	syscall
	jmp	.Lmapper_look
.Lmapper_work:
	movl	%r14d, %r12d
	movl	O_N(%rbx), %r14d
	leaq	O_ORDER(%rbx), %r15
	leaq	stub_done(%rip), %rbp
	cmpl	$60, %r14d
	ja	.Lmapper_bad
.Lmapper_one:
	testl	%r14d, %r14d
	jz	.Lmapper_done
	movq	0(%r15), %rax
	movq	8(%r15), %rdi
	movq	16(%r15), %rsi
	movq	24(%r15), %rdx
	movq	32(%r15), %r10
	movq	40(%r15), %r8
	movq	48(%r15), %r9
	syscall
	addq	$64, %r15
	decl	%r14d
	cmpq	$-4096, %rax
	jbe	.Lmapper_one
.Lmapper_bad:
	leaq	stub_bad(%rip), %rbp
.Lmapper_done:
	movq	O_PASS(%rbx), %r15
	movl	$1, %eax		/* write(done, &word, 8) */
	movl	O_DONE(%rbx), %edi
	movq	%rbp, %rsi
	movl	$8, %edx
	syscall
	testq	%r15, %r15
	jz	.Lmapper_next
	movl	$TURN_MAPPER, %eax
	xorl	%ecx, %ecx
	lock cmpxchgl %ecx, (%r15)
	jne	.Lmapper_next
	cmpl	$0, A_SLEEPS-A_TURN(%r15)
	je	.Lmapper_next
	movl	$202, %eax		/* futex(turn, FUTEX_WAKE, 1) */
	movq	%r15, %rdi
	movl	$1, %esi
	movl	$1, %edx
	syscall
	jmp	.Lmapper_next
.Lmapper_dead:
	ud2

	.section .rodata
	.balign	8
stub_done:
	.quad	1
stub_bad:
	.quad	0x100000000

	.section .note.GNU-stack, "", @progbits
