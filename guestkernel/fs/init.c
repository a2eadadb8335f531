/* init.c - the file systems there are, and their start */
#include "init.h"
#include "fs_internal.h"
#include "fs/gofer/gofs.h"
#include "fs/overlay/overlay.h"
#include "fs/tmpfs/tmpfs.h"

void vfs_init(void)
{
	dentry_cache_init();
	inode_cache_init();
	pathname_cache_init();
	file_cache_init();
}

void fs_init(void)
{
	tmpfs_register();
	gofs_register();
	overlay_register();
}
