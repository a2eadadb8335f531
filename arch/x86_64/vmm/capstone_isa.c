/* capstone_isa.c - keeps capstone to one instruction set
 *
 * The library's registry names the decoders of all architectures; defined here, the others stay
 * out of the program, with their megabytes of tables that each start would relocate.
 */
#include <capstone/capstone.h>

#define NO_ISA(name)                                               \
	cs_err name##_global_init(void *);                         \
	cs_err name##_option(void *, int, size_t);                 \
	cs_err name##_global_init(void *ud)                        \
	{                                                          \
		return CS_ERR_ARCH;                                \
	}                                                          \
	cs_err name##_option(void *handle, int type, size_t value) \
	{                                                          \
		return CS_ERR_ARCH;                                \
	}

NO_ISA(AArch64)
NO_ISA(ARM)
NO_ISA(EVM)
NO_ISA(M680X)
NO_ISA(M68K)
NO_ISA(Mips)
NO_ISA(PPC)
NO_ISA(Sparc)
NO_ISA(SystemZ)
NO_ISA(TMS320C64x)
NO_ISA(XCore)
