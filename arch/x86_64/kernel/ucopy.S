/* ucopy.S - copies to and from the application's memory
 *
 * Addresses have been checked to lie in user space. Any load or store here may fault: the table
 * .extable sends the fault to a fix-up (trap.c), which goes on byte by byte to the very end of what
 * is present. Word loops for short copies, rep for long ones: on real processors its start-up
 * costs as much as some hundred bytes.
 */
#define LONG_COPY 256

	.macro	SMAP_SITE byte
661:	.byte	0x0f, 0x01, \byte
	.pushsection .smap_sites, "a"
	.balign	4
	.long	661b - .
	.popsection
	.endm
	.macro	STAC
	SMAP_SITE 0xcb
	.endm
	.macro	CLAC
	SMAP_SITE 0xca
	.endm

	.macro	FIXUP at, fix
	.pushsection .extable, "a"
	.long	\at - .
	.long	\fix - .
	.popsection
	.endm

	.text
	/* size_t ucopy(void *dst, const void *src, size_t n): returns the bytes left */
	.globl	ucopy
	.type	ucopy, @function
	.balign	32
ucopy:
	STAC
	movq	%rdx, %rcx
	andl	$7, %edx
	shrq	$3, %rcx
	jz	.Lcopy_tail
	cmpq	$LONG_COPY / 8, %rcx
	jae	.Lcopy_rep
	leaq	(%rsi,%rcx,8), %rsi
	leaq	(%rdi,%rcx,8), %rdi
	negq	%rcx
1:	movq	(%rsi,%rcx,8), %rax
2:	movq	%rax, (%rdi,%rcx,8)
	incq	%rcx
	jnz	1b
	FIXUP	1b, .Lcopy_words_fault
	FIXUP	2b, .Lcopy_words_fault
.Lcopy_tail:
	testl	%edx, %edx
	jnz	.Lcopy_bytes
	CLAC
	xorl	%eax, %eax
	ret
.Lcopy_bytes:
	testb	$4, %dl
	jz	5f
3:	movl	(%rsi), %eax
4:	movl	%eax, (%rdi)
	addq	$4, %rsi
	addq	$4, %rdi
	andl	$3, %edx
	jz	.Lcopy_done
	FIXUP	3b, .Lcopy_bytewise
	FIXUP	4b, .Lcopy_bytewise
5:	movb	(%rsi), %al
6:	movb	%al, (%rdi)
	incq	%rsi
	incq	%rdi
	decq	%rdx
	jnz	5b
	FIXUP	5b, .Lcopy_done
	FIXUP	6b, .Lcopy_done
.Lcopy_done:
	CLAC
	movq	%rdx, %rax
	ret
.Lcopy_rep:
7:	rep movsq
	FIXUP	7b, .Lcopy_rep_fault
	jmp	.Lcopy_tail
.Lcopy_words_fault:
	leaq	(%rsi,%rcx,8), %rsi
	leaq	(%rdi,%rcx,8), %rdi
	negq	%rcx
.Lcopy_rep_fault:
	leaq	(%rdx,%rcx,8), %rdx
.Lcopy_bytewise:
	testq	%rdx, %rdx
	jnz	5b
	jmp	.Lcopy_done
	.size	ucopy, . - ucopy

	/* size_t uzero(void *dst, size_t n): returns the bytes left */
	.globl	uzero
	.type	uzero, @function
	.balign	32
uzero:
	STAC
	movq	%rsi, %rcx
	movl	%esi, %edx
	andl	$7, %edx
	shrq	$3, %rcx
	xorl	%eax, %eax
1:	rep stosq
	FIXUP	1b, .Lzero_fault
.Lzero_tail:
	movq	%rdx, %rcx
2:	rep stosb
	FIXUP	2b, .Lzero_done
.Lzero_done:
	CLAC
	movq	%rcx, %rax
	ret
.Lzero_fault:
	leaq	(%rdx,%rcx,8), %rdx
	jmp	.Lzero_tail
	.size	uzero, . - uzero

	/* size_t ustr(char *dst, const char *src, size_t n, u64 *found)
	 * Copies up to n bytes, to the NUL. Returns how many before it, found = 1, or how many were
	 * copied before n ran out or a byte was absent. By aligned words where possible: an aligned
	 * word never reaches into the next page. */
	.globl	ustr
	.type	ustr, @function
	.balign	32
ustr:
	movq	%rcx, %r11
	movq	%rdx, %r10
	movq	%rdx, %rcx
	movq	$0, (%r11)
	movabsq	$0x0101010101010101, %r8
	movabsq	$0x8080808080808080, %r9
	STAC
.Lstr_next:
	testl	$7, %esi
	jnz	.Lstr_byte
.Lstr_words:
	cmpq	$8, %rcx
	jb	.Lstr_byte
1:	movq	(%rsi), %rax
	FIXUP	1b, .Lstr_out
	movq	%rax, %rdx
	subq	%r8, %rdx
	andq	%r9, %rdx
	notq	%rax
	testq	%rax, %rdx
	jnz	.Lstr_byte
	notq	%rax
	movq	%rax, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	subq	$8, %rcx
	jmp	.Lstr_words
.Lstr_byte:
	testq	%rcx, %rcx
	jz	.Lstr_out
2:	movb	(%rsi), %al
	FIXUP	2b, .Lstr_out
	movb	%al, (%rdi)
	testb	%al, %al
	jz	.Lstr_found
	incq	%rsi
	incq	%rdi
	decq	%rcx
	jmp	.Lstr_next
.Lstr_found:
	movq	$1, (%r11)
.Lstr_out:
	CLAC
	movq	%r10, %rax
	subq	%rcx, %rax
	ret
	.size	ustr, . - ustr

	/* int ucmpxchg(u32 *p, u32 *expected, u32 desired): 0, or 1 after a fault */
	.globl	ucmpxchg
	.type	ucmpxchg, @function
ucmpxchg:
	movl	(%rsi), %eax
	STAC
1:	lock cmpxchgl %edx, (%rdi)
	FIXUP	1b, .Lword_fault
	CLAC
	movl	%eax, (%rsi)
	xorl	%eax, %eax
	ret
	.size	ucmpxchg, . - ucmpxchg

	/* int uload32(const u32 *p, u32 *value): 0, or 1 after a fault */
	.globl	uload32
	.type	uload32, @function
uload32:
	STAC
1:	movl	(%rdi), %eax
	FIXUP	1b, .Lword_fault
	CLAC
	movl	%eax, (%rsi)
	xorl	%eax, %eax
	ret
.Lword_fault:
	CLAC
	movl	$1, %eax
	ret
	.size	uload32, . - uload32

	.section .note.GNU-stack, "", @progbits
