/* console.h - the host's terminal while a container runs on it */
#pragma once
#include <stdint.h>

/* Puts the terminal at `fd` raw: its line discipline is the guest's business. The old settings
 * come back by console_restore(), which is harmless when nothing was changed. */
void console_raw(int fd);
void console_restore(void);

/* rows | cols << 16, or 0. */
uint32_t console_size(int fd);
