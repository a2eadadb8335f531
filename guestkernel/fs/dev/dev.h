/* dev.h - device numbers of the nodes in /dev (fs/dev/, tty/) */
#pragma once

#define DEV_MEM_MAJOR 1
#define DEV_NULL      3
#define DEV_ZERO      5
#define DEV_FULL      7
#define DEV_RANDOM    8 /* and urandom, 9 */
#define DEV_URANDOM   9
#define DEV_TTY_MAJOR 5
#define DEV_TTY	      0
#define DEV_CONSOLE   1
#define DEV_PTMX      2
#define DEV_PTS_MAJOR 136

void dev_mem_register(void);
