/* sanitized.c - asks a kernel built with sanitizers to do what they must report
 *
 * usage: sanitized N, with N an index of arch/x86_64/hosted/sanitize/selftest.c. The sandbox must
 * not survive the call: coming back from it is the failure. Run by tools/check, suite asan-abi.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SANITIZE_CALL 0x53414e00

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	syscall(SANITIZE_CALL + atoi(argv[1]));
	printf("nothing was reported\n");
	return 1;
}
