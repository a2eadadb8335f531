/* log.h - lines of the logs: --log (errors of commands) and --debug-log */
#pragma once
#include <stdbool.h>

/* Writes one line with time and level (0 error, 1 warning, 2 info, 3 debug) in one write(2). JSON
 * has the fields that container engines read: level, msg, time. */
void log_line(int fd, bool json, unsigned level, const char *text);
