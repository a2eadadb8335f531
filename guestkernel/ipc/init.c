/* init.c - interprocess communication: what needs a start */
#include "init.h"

void ipc_init(void)
{
	/* pipes are made on demand */
}
