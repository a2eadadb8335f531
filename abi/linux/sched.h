/* sched.h - clone, scheduling policies, restartable sequences, membarrier
 * (clone(2), sched(7), getcpu(2), membarrier(2); rseq: glibc's <sys/rseq.h>) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

#define ABI_CSIGNAL		 0x000000ffull
#define ABI_CLONE_NEWTIME	 0x00000080ull
#define ABI_CLONE_VM		 0x00000100ull
#define ABI_CLONE_FS		 0x00000200ull
#define ABI_CLONE_FILES		 0x00000400ull
#define ABI_CLONE_SIGHAND	 0x00000800ull
#define ABI_CLONE_PIDFD		 0x00001000ull
#define ABI_CLONE_PTRACE	 0x00002000ull
#define ABI_CLONE_VFORK		 0x00004000ull
#define ABI_CLONE_PARENT	 0x00008000ull
#define ABI_CLONE_THREAD	 0x00010000ull
#define ABI_CLONE_NEWNS		 0x00020000ull
#define ABI_CLONE_SYSVSEM	 0x00040000ull
#define ABI_CLONE_SETTLS	 0x00080000ull
#define ABI_CLONE_PARENT_SETTID	 0x00100000ull
#define ABI_CLONE_CHILD_CLEARTID 0x00200000ull
#define ABI_CLONE_DETACHED	 0x00400000ull
#define ABI_CLONE_UNTRACED	 0x00800000ull
#define ABI_CLONE_CHILD_SETTID	 0x01000000ull
#define ABI_CLONE_NEWCGROUP	 0x02000000ull
#define ABI_CLONE_NEWUTS	 0x04000000ull
#define ABI_CLONE_NEWIPC	 0x08000000ull
#define ABI_CLONE_NEWUSER	 0x10000000ull
#define ABI_CLONE_NEWPID	 0x20000000ull
#define ABI_CLONE_NEWNET	 0x40000000ull
#define ABI_CLONE_IO		 0x80000000ull
#define ABI_CLONE_CLEAR_SIGHAND	 0x100000000ull
#define ABI_CLONE_INTO_CGROUP	 0x200000000ull

struct abi_clone_args {
	uint64_t flags;
	uint64_t pidfd;
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack;
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid;
	uint64_t set_tid_size;
	uint64_t cgroup;
};
ABI_CHECK_SIZE(struct abi_clone_args, 88);
ABI_CHECK_AT(struct abi_clone_args, exit_signal, 32);
ABI_CHECK_AT(struct abi_clone_args, tls, 56);
ABI_CHECK_AT(struct abi_clone_args, cgroup, 80);
#define ABI_CLONE_ARGS_SIZE_VER0 64
#define ABI_CLONE_ARGS_SIZE_VER1 80
#define ABI_CLONE_ARGS_SIZE_VER2 88

#define ABI_SCHED_OTHER		0
#define ABI_SCHED_FIFO		1
#define ABI_SCHED_RR		2
#define ABI_SCHED_BATCH		3
#define ABI_SCHED_IDLE		5
#define ABI_SCHED_DEADLINE	6
#define ABI_SCHED_RESET_ON_FORK 0x40000000

struct abi_sched_param {
	int32_t sched_priority;
};
ABI_CHECK_SIZE(struct abi_sched_param, 4);

struct abi_sched_attr {
	uint32_t size;
	uint32_t sched_policy;
	uint64_t sched_flags;
	int32_t sched_nice;
	uint32_t sched_priority;
	uint64_t sched_runtime;
	uint64_t sched_deadline;
	uint64_t sched_period;
	uint32_t sched_util_min;
	uint32_t sched_util_max;
};
ABI_CHECK_SIZE(struct abi_sched_attr, 56);
ABI_CHECK_AT(struct abi_sched_attr, sched_runtime, 24);
#define ABI_SCHED_ATTR_SIZE_VER0 48

/* The kernel writes cpu_id_start, cpu_id, node_id and mm_cid, and clears rseq_cs. */
struct abi_rseq {
	uint32_t cpu_id_start;
	uint32_t cpu_id;
	uint64_t rseq_cs;
	uint32_t flags;
	uint32_t node_id;
	uint32_t mm_cid;
	uint32_t pad;
};
ABI_CHECK_SIZE(struct abi_rseq, 32);
ABI_CHECK_AT(struct abi_rseq, rseq_cs, 8);
ABI_CHECK_AT(struct abi_rseq, mm_cid, 24);

struct abi_rseq_cs {
	uint32_t version;
	uint32_t flags;
	uint64_t start_ip;
	uint64_t post_commit_offset;
	uint64_t abort_ip;
};
ABI_CHECK_SIZE(struct abi_rseq_cs, 32);
ABI_CHECK_AT(struct abi_rseq_cs, abort_ip, 24);

#define ABI_RSEQ_FLAG_UNREGISTER      1
#define ABI_RSEQ_CPU_ID_UNINITIALIZED 0xffffffffu

#define ABI_MEMBARRIER_CMD_QUERY				0
#define ABI_MEMBARRIER_CMD_GLOBAL				(1 << 0)
#define ABI_MEMBARRIER_CMD_GLOBAL_EXPEDITED			(1 << 1)
#define ABI_MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED		(1 << 2)
#define ABI_MEMBARRIER_CMD_PRIVATE_EXPEDITED			(1 << 3)
#define ABI_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED		(1 << 4)
#define ABI_MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE		(1 << 5)
#define ABI_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE (1 << 6)
#define ABI_MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ		(1 << 7)
#define ABI_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ	(1 << 8)
