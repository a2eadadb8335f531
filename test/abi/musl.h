/* musl.h - included first in the programs that are built with musl (see meson.build) */
#pragma once

const char *strerrorname_np(int err);
const char *sigabbrev_np(int signo);
