/* cred_internal.h - changing the current task's credentials, for task/ only */
#pragma once
#include "task.h"

void cred_install(struct cred *c); /* consumes the reference; the task's old one is dropped */
