/* fault.h - for the cases that look at faults: touches memory and says which signal that gave */
#pragma once

#include <stdbool.h>

struct fault {
	int signo; /* 0: no fault */
	int code;
	void *addr;
	long trapno, error; /* from the signal's machine context */
};

/* Reads or writes one byte at addr. Installs handlers of its own at the first call. */
struct fault fault_touch(void *addr, bool write);
/* Calls the code at addr, a function without arguments. */
struct fault fault_call(void *addr);
/* Checks that touching gives exactly this signal, code and address. */
void fault_expect(const char *file, int line, void *addr, bool write, int signo, int code);

#define CHECK_FAULT(addr, write, signo, code) \
	fault_expect(__FILE__, __LINE__, (addr), (write), (signo), (code))
#define CHECK_READABLE(addr) fault_expect(__FILE__, __LINE__, (addr), false, 0, 0)
#define CHECK_WRITABLE(addr) fault_expect(__FILE__, __LINE__, (addr), true, 0, 0)
