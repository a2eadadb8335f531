/* boot.h - the boot process */
#pragma once

/* Runs the sandbox that the descriptors of setup.h describe; ends the process. */
int sandbox_boot(void);
