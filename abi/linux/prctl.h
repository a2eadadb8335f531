/* prctl.h - prctl(2); arch_prctl's operations are in <abi_arch/prctl.h> */
#pragma once
#include <abi_arch/prctl.h>

#define ABI_PR_SET_PDEATHSIG	     1
#define ABI_PR_GET_PDEATHSIG	     2
#define ABI_PR_GET_DUMPABLE	     3
#define ABI_PR_SET_DUMPABLE	     4
#define ABI_PR_GET_UNALIGN	     5
#define ABI_PR_SET_UNALIGN	     6
#define ABI_PR_GET_KEEPCAPS	     7
#define ABI_PR_SET_KEEPCAPS	     8
#define ABI_PR_GET_TIMING	     13
#define ABI_PR_SET_TIMING	     14
#define ABI_PR_SET_NAME		     15
#define ABI_PR_GET_NAME		     16
#define ABI_PR_GET_SECCOMP	     21
#define ABI_PR_SET_SECCOMP	     22
#define ABI_PR_CAPBSET_READ	     23
#define ABI_PR_CAPBSET_DROP	     24
#define ABI_PR_GET_TSC		     25
#define ABI_PR_SET_TSC		     26
#define ABI_PR_GET_SECUREBITS	     27
#define ABI_PR_SET_SECUREBITS	     28
#define ABI_PR_SET_TIMERSLACK	     29
#define ABI_PR_GET_TIMERSLACK	     30
#define ABI_PR_MCE_KILL		     33
#define ABI_PR_MCE_KILL_GET	     34
#define ABI_PR_SET_MM		     35
#define ABI_PR_SET_CHILD_SUBREAPER   36
#define ABI_PR_GET_CHILD_SUBREAPER   37
#define ABI_PR_SET_NO_NEW_PRIVS	     38
#define ABI_PR_GET_NO_NEW_PRIVS	     39
#define ABI_PR_GET_TID_ADDRESS	     40
#define ABI_PR_SET_THP_DISABLE	     41
#define ABI_PR_GET_THP_DISABLE	     42
#define ABI_PR_CAP_AMBIENT	     47
#define ABI_PR_CAP_AMBIENT_IS_SET    1
#define ABI_PR_CAP_AMBIENT_RAISE     2
#define ABI_PR_CAP_AMBIENT_LOWER     3
#define ABI_PR_CAP_AMBIENT_CLEAR_ALL 4
#define ABI_PR_GET_SPECULATION_CTRL  52
#define ABI_PR_SET_SPECULATION_CTRL  53
#define ABI_PR_SET_VMA		     0x53564d41
#define ABI_PR_SET_VMA_ANON_NAME     0
#define ABI_PR_SET_PTRACER	     0x59616d61
#define ABI_TASK_COMM_LEN	     16 /* with the terminating zero */

#define ABI_SECBIT_NOROOT		(1 << 0)
#define ABI_SECBIT_NO_SETUID_FIXUP	(1 << 2)
#define ABI_SECBIT_KEEP_CAPS		(1 << 4)
#define ABI_SECBIT_NO_CAP_AMBIENT_RAISE (1 << 6)
