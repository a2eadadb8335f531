/* mountpoints.h - the places in a bundle's root that mounts cover */
#pragma once
#include "vmm/oci/container.h"

/* Makes the directories (for a file, an empty file) that mounts need and the root lacks, as OCI
 * runtimes do. No link in the root leads out of it. What cannot be made stays missing: the kernel
 * names it when it mounts. */
void mountpoints_make(const struct container *c);
