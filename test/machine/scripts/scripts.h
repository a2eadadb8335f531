/* scripts.h - the scripts that machine_test.c runs as a sandbox's first process */
#pragma once

void script_fork_wait(void *arg);
void script_cow(void *arg);
void script_orphan(void *arg);
void script_exit_group(void *arg);
void script_vfork(void *arg);
void script_shootdown_mprotect(void *arg);
void script_shootdown_munmap(void *arg);
void script_shootdown_fork(void *arg);
void script_pipe(void *arg);
void script_pipe_pingpong(void *arg);
void script_pipe_errors(void *arg);
void script_signal_handler(void *arg);
void script_signal_restart(void *arg);
void script_signal_sleep(void *arg);
void script_signal_fault(void *arg);
void script_signal_death(void *arg);
void script_signal_kill(void *arg);
void script_futex_lock(void *arg);
void script_futex_requeue(void *arg);
void script_futex_timeout(void *arg);
void script_futex_robust(void *arg);
void script_names(void *arg);
void script_links(void *arg);
void script_rename(void *arg);
void script_walk_race(void *arg);
void script_contents(void *arg);
void script_directory(void *arg);
void script_descriptors(void *arg);
void script_mounts(void *arg);
void script_exec(void *arg);
void script_exec_fuzz(void *arg);
void script_name_race(void *arg);
void script_map_shared(void *arg);
void script_close_race(void *arg);
void script_epoll(void *arg);
