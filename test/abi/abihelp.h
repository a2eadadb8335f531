/* abihelp.h - what the harness itself needs of its helpers */
#pragma once

#include <sys/types.h>

/* Removes the temporary directory of this process, if it made one. */
void abi_tmp_remove(void);
/* The same for a case's process that was killed. */
void abi_tmp_remove_of(pid_t pid);
