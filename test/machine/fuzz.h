/* fuzz.h - between the fuzzer's entry (test/fuzz/syscalls.c) and its script */
#pragma once
#include <stdint.h>

/* The script asks for the next input: switches to the fuzzer, returns when there is one. */
void fuzz_next_input(const uint8_t **begin, const uint8_t **end);
void fuzz_script(void *arg);
