/* cred_internal.h - changing the current task's credentials, for task/ only */
#pragma once
#include "task.h"

void cred_install(struct cred *c); /* consumes the reference; the task's old one is dropped */
int cred_set_groups(struct cred *c, const u32 *groups, u32 n); /* of a copy not yet installed */
