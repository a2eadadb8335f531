/* fuzz.h - between the fuzzer's entry (test/fuzz/syscalls.c) and its script */
#pragma once
#include <stdint.h>

/* The script asks for the next input: switches to the fuzzer, returns when there is one. */
void fuzz_next_input(const uint8_t **begin, const uint8_t **end);
void fuzz_script(void *arg);

/* Of the processes that the first program started, the n-th allocation from now on fails; 0: none
 * does. */
void machine_fail_after(uint32_t n);
