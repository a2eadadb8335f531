/* console.c - the host's terminal while a container runs on it */
#include "vmm/cli/console.h"

#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios console_saved;
static int console_fd = -1;

void console_raw(int fd)
{
	struct termios raw;

	if (console_fd >= 0 || tcgetattr(fd, &console_saved))
		return;
	raw = console_saved;
	cfmakeraw(&raw);
	if (!tcsetattr(fd, TCSADRAIN, &raw))
		console_fd = fd;
}

void console_restore(void)
{
	if (console_fd >= 0)
		tcsetattr(console_fd, TCSADRAIN, &console_saved);
	console_fd = -1;
}

uint32_t console_size(int fd)
{
	struct winsize ws;

	return ioctl(fd, TIOCGWINSZ, &ws) ? 0 : ws.ws_row | (uint32_t)ws.ws_col << 16;
}
