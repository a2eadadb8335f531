/* disasm.h - the line of a report that holds machine code
 *
 * Followed by bytes in hexadecimal up to the end of the line. disasm.c turns it into instructions.
 */
#pragma once

#define REPORT_CODE_PREFIX "  code at "
#define REPORT_CODE_LINE   REPORT_CODE_PREFIX "%llx, ip %llx:"
