/* probe.h - shared by the micro guest of the probe and the VMM; also read by the assembler */
#pragma once

/* Virtual pages of the micro guest, one after the other in the order of its frames. */
#define PROBE_VA    0x10000
#define PROBE_CODE  (PROBE_VA + 0x0000) /* user-readable: ring 3 runs here too */
#define PROBE_DATA  (PROBE_VA + 0x1000) /* GDT, IDT, task segment */
#define PROBE_STACK (PROBE_VA + 0x2000)
#define PROBE_HOLE  (PROBE_VA + 0x8000) /* never mapped */

#define PROBE_GDT 0x000 /* offsets in the data page */
#define PROBE_TSS 0x040
#define PROBE_IDT 0x100 /* 128 gates */

#define PROBE_VEC_TIMER 0x42
#define PROBE_VEC_IRQFD 0x40
#define PROBE_LOOPS	10000

/* What the guest writes to the hypercall port, in this order. */
#define PROBE_BEGIN   1 /* the timed loop begins */
#define PROBE_TIMED   2 /* and ends */
#define PROBE_FAULT   3 /* a page fault of ring 3 arrived */
#define PROBE_SYSCALL 4 /* a SYSCALL of ring 3 arrived */
#define PROBE_TIMER   5 /* the APIC's timer interrupted; now ring the irqfd */
#define PROBE_DONE    6 /* it interrupted */
#define PROBE_ODD     9 /* another exception */
