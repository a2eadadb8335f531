/* check.h - compile-time checks of the layouts that programs depend on */
#pragma once

#define ABI_CHECK_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " must have Linux's size")
#define ABI_CHECK_AT(type, field, offset)                           \
	_Static_assert(__builtin_offsetof(type, field) == (offset), \
		       #type "." #field " must be where Linux has it")
