"""What layout_gen.py cannot see from the headers: other names, and what the system does not have."""

# Constants that the system calls otherwise: a name, or an expression of its headers.
RENAMED = {
    'ABI_CAP_VERSION_1': '_LINUX_CAPABILITY_VERSION_1',
    'ABI_CAP_VERSION_2': '_LINUX_CAPABILITY_VERSION_2',
    'ABI_CAP_VERSION_3': '_LINUX_CAPABILITY_VERSION_3',
    'ABI_EPOLLNVAL': 'POLLNVAL',
    'ABI_OPEN_HOW_SIZE_VER0': 'sizeof(struct open_how)',
    'ABI_UNIX_PATH_MAX': 'sizeof(((struct sockaddr_un *)0)->sun_path)',
    'ABI_SOCKADDR_STORAGE_SIZE': 'sizeof(struct sockaddr_storage)',
    'ABI_UTS_LEN': 'sizeof(((struct utsname *)0)->nodename)',
    'ABI_ELF_MACHINE': 'EM_X86_64',
    'ABI_WNOTHREAD': '__WNOTHREAD',
    'ABI_WALL': '__WALL',
    'ABI_WCLONE': '(unsigned)__WCLONE',
    'ABI_W_CONTINUED': '__W_CONTINUED',
    'ABI_SIGSET_SIZE': 'sizeof(sigset_t)',
    'ABI_SCHED_OTHER': 'SCHED_NORMAL',
    'ABI_FXSAVE_SIZE': 'sizeof(struct _fpstate)',
    'ABI_FPX_SW_OFFSET': 'offsetof(struct _fpstate, sw_reserved)',
    'ABI_RSEQ_CPU_ID_UNINITIALIZED': '(unsigned)RSEQ_CPU_ID_UNINITIALIZED',
}

# Enumerators, which #ifdef does not see.
for name in ('ADDR_NO_RANDOMIZE', 'PER_LINUX', 'PER_MASK', 'READ_IMPLIES_EXEC',
             'RSEQ_FLAG_UNREGISTER', 'MEMBARRIER_CMD_QUERY', 'MEMBARRIER_CMD_GLOBAL',
             'MEMBARRIER_CMD_GLOBAL_EXPEDITED', 'MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED',
             'MEMBARRIER_CMD_PRIVATE_EXPEDITED', 'MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED',
             'MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE',
             'MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE',
             'MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ',
             'MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ'):
    RENAMED['ABI_' + name] = '(%s)' % name

# Constants that no header of the system has, and why.
OURS = {
    'ABI_CAP_FULL': 'computed from ABI_CAP_LAST_CAP',
    'ABI_EP_MAX_EVENTS': 'a limit inside Linux',
    'ABI_SCM_MAX_FD': 'a limit inside Linux',
    'ABI_SYMLOOP_MAX': 'a limit inside Linux',
    'ABI_MAX_RW_COUNT': 'a limit inside Linux',
    'ABI_TASK_COMM_LEN': 'a limit inside Linux',
    'ABI_SOCK_TYPE_MASK': 'inside Linux',
    'ABI_ST_VALID': 'inside Linux; libc clears it',
    'ABI_USER_HZ': 'told by AT_CLKTCK, no header',
    'ABI_CPUCLOCK_PERTHREAD': 'inside Linux and libc',
    'ABI_CPUCLOCK_CLOCK_MASK': 'inside Linux and libc',
    'ABI_CPUCLOCK_PROF': 'inside Linux and libc',
    'ABI_CPUCLOCK_VIRT': 'inside Linux and libc',
    'ABI_CPUCLOCK_SCHED': 'inside Linux and libc',
    'ABI_MFD_NOEXEC_SEAL': 'Linux 6.3, newer than these headers',
    'ABI_MFD_EXEC': 'Linux 6.3, newer than these headers',
    'ABI_ARCH_CET_STATUS': 'withdrawn from Linux, but glibc asks it',
    'ABI_O_LARGEFILE': 'libc makes it 0 on 64-bit systems',
    'ABI_ELF_PLATFORM': 'a string: test/abi/exec.c',
    'ABI_UTS_MACHINE': 'a string: test/abi/system.c',
    'ABI_SIG_DFL': 'function pointers there: test/abi/sigaction.c',
    'ABI_SIG_IGN': 'function pointers there: test/abi/sigaction.c',
    'ABI_SIGRTMAX': 'in libc only, as a call',
    'ABI_NSIG': 'the headers give the old 32',
    'ABI_ERRNO_MAX': 'inside Linux and libc',
}


def same(theirs, **renamed):
    return (theirs, {k.replace('__', '.'): v for k, v in renamed.items()})


# Structures: the system's type and the fields it calls otherwise (None: it has no such field, or no
# such structure). The key '' is False where the sizes differ by an open array.
STRUCTS = {
    'abi_cap_header': same('struct __user_cap_header_struct'),
    'abi_cap_data': same('struct __user_cap_data_struct'),
    'abi_dirent64': ('struct dirent64', {'': False}),
    'abi_dirent': None,
    'abi_elf64_ehdr': same('Elf64_Ehdr'),
    'abi_elf64_phdr': same('Elf64_Phdr'),
    'abi_elf64_shdr': same('Elf64_Shdr'),
    'abi_elf64_sym': same('Elf64_Sym'),
    'abi_stat': ('struct stat', {
        'st_%stime_%s' % (t, part): 'st_%stim.tv_%s' % (t, part)
        for t in 'amc' for part in ('sec', 'nsec')}),
    'abi_siginfo': same(
        'siginfo_t', u__rt__pid='si_pid', u__rt__uid='si_uid', u__rt__value='si_value',
        u__timer__tid='si_tid', u__timer__overrun='si_overrun', u__timer__value='si_value',
        u__timer__sys_private=None, u__chld__pid='si_pid', u__chld__uid='si_uid',
        u__chld__status='si_status', u__chld__utime='si_utime', u__chld__stime='si_stime',
        u__fault__addr='si_addr', u__fault__addr_lsb='si_addr_lsb', u__fault__lower='si_lower',
        u__fault__upper='si_upper', u__poll__band='si_band', u__poll__fd='si_fd',
        u__sys__call_addr='si_call_addr', u__sys__syscall='si_syscall', u__sys__arch='si_arch',
        u__raw=None),
    'abi_sigaction': same('struct sigaction', handler='sa_handler', flags='sa_flags',
                          restorer='sa_restorer', mask='sa_mask'),
    'abi_sigevent': same('struct sigevent', sigev_tid='_sigev_un._tid'),
    'abi_stack': same('stack_t'),
    'abi_sigcontext': same('struct sigcontext'),
    'abi_ucontext': same('struct ucontext'),
    'abi_rt_sigframe': None,
    'abi_fpx_sw': same('struct _fpx_sw_bytes'),
    'abi_sigset_arg': None,
    # node_id and mm_cid came with Linux 6.3, into the tail that was reserved.
    'abi_rseq': same('struct rseq', node_id=None, mm_cid=None),
}

for name in ('flock', 'f_owner_ex', 'open_how', 'robust_list_head', 'inotify_event', 'pollfd',
             'rlimit', 'rusage', 'clone_args', 'sched_param', 'sched_attr', 'rseq_cs',
             'signalfd_siginfo', 'sockaddr', 'sockaddr_un', 'msghdr', 'mmsghdr', 'cmsghdr', 'ucred',
             'linger', 'statx_timestamp', 'statx', 'statfs', 'termios', 'termios2', 'winsize',
             'timespec', 'timeval', 'timex', 'timezone', 'itimerspec', 'itimerval', 'utimbuf', 'tms',
             'iovec', 'utsname', 'sysinfo', 'epoll_event'):
    STRUCTS['abi_' + name] = same('struct ' + name)
