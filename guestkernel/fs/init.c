/* init.c - the file systems there are, and their start */
#include "init.h"
#include "fs_internal.h"
#include "gofer/gofs.h"
#include "overlay/overlay.h"
#include "tmpfs/tmpfs.h"

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
