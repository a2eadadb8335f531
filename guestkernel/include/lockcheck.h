/* lockcheck.h - the lock order, checked at every acquisition in debug builds (sync/lockcheck.c) */
#pragma once
#include "types.h"

#ifndef KDEBUG
#define KDEBUG 0
#endif

struct spinlock;
void lockcheck_spin_acquire(const struct spinlock *l, bool nested);
void lockcheck_spin_release(const struct spinlock *l);
void lockcheck_sleep_acquire(u16 rank, bool nested); /* also: may this context sleep? */
void lockcheck_sleep_release(u16 rank);
