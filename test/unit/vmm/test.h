/* test.h - cmocka with the headers it wants before it */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define assert_has(text, part) assert_non_null(strstr(text, part))
