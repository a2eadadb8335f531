/* exec.c - scripts: programs from files. The ELF images are made here, byte by byte, and their
 * entry point is a function of ours. */
#include "abi/linux/elf.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/signal.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

#define IMAGE 4096 /* offset in mem of the file's bytes */
#define LOAD  0x400000ull

static uint64_t mem; /* +0 strings, +512 argv, +1024 status */

struct image {
	struct abi_elf64_ehdr e;
	struct abi_elf64_phdr p[2];
	char text[16];
};

static void program(void *sp)
{
	uint64_t argc = u_load((uint64_t)sp, 8);

	/* what the file holds is mapped where the header says, and bss behind it is zero */
	u_check_eq(u_load(LOAD, 4), 0x464c457f);
	u_check_eq(u_load(LOAD + 0x2000, 8), 0);
	u_exit(40 + (int)argc);
}

static struct image good_image(void)
{
	return (struct image){
		.e = {.e_ident = {0x7f, 'E', 'L', 'F', ABI_ELFCLASS64, ABI_ELFDATA2LSB,
				  ABI_EV_CURRENT},
		      .e_type = ABI_ET_EXEC,
		      .e_machine = ABI_ELF_MACHINE,
		      .e_version = ABI_EV_CURRENT,
		      .e_entry = (uint64_t)program,
		      .e_phoff = sizeof(struct abi_elf64_ehdr),
		      .e_ehsize = sizeof(struct abi_elf64_ehdr),
		      .e_phentsize = sizeof(struct abi_elf64_phdr),
		      .e_phnum = 2},
		.p = {{.p_type = ABI_PT_LOAD,
		       .p_flags = ABI_PF_R | ABI_PF_X,
		       .p_vaddr = LOAD,
		       .p_filesz = sizeof(struct image),
		       .p_memsz = sizeof(struct image),
		       .p_align = 4096},
		      {.p_type = ABI_PT_LOAD,
		       .p_flags = ABI_PF_R | ABI_PF_W,
		       .p_offset = 0,
		       .p_vaddr = LOAD + 0x1000,
		       .p_filesz = 64,
		       .p_memsz = 0x3000,
		       .p_align = 4096}},
	};
}

static void put_name(const char *name)
{
	size_t n = 0;

	while (name[n])
		n++;
	u_write(mem, name, n + 1);
}

static void write_file(const char *name, const void *data, size_t n)
{
	long fd;

	put_name(name);
	fd = u_syscall(NR_openat, ABI_AT_FDCWD, mem, ABI_O_CREAT | ABI_O_TRUNC | ABI_O_WRONLY,
		       0755);
	u_check(fd >= 0);
	u_write(mem + IMAGE, data, n);
	u_check_eq(u_syscall(NR_write, fd, mem + IMAGE, n), n);
	u_check_eq(u_syscall(NR_close, fd), 0);
}

static void exec_child(void *arg)
{
	long r;

	put_name(arg);
	u_store(mem + 512, mem, 8);
	u_store(mem + 520, mem, 8);
	u_store(mem + 528, 0, 8);
	r = u_syscall(NR_execve, mem, mem + 512, 0);
	u_check(r < 0 && r > -200);
	u_exit((int)-r);
}

/* Status of a process that executes the file. */
static int run(const char *name)
{
	static char path[32];

	for (int i = 0; i < 31 && (path[i] = name[i]); i++)
		;
	u_check(u_fork(exec_child, path) > 0);
	u_check(u_syscall(NR_wait4, -1, mem + 1024, 0, 0) > 0);
	return (int)u_load(mem + 1024, 4);
}

#define EXITED(code) ((code) << 8)

void script_exec(void *arg)
{
	static char script[64] = "#!/good  arg one\n", bad_script[64] = "#!/nowhere\n";
	struct image good = good_image(), bad;

	mem = u_mmap(16384);
	write_file("/good", &good, sizeof(good));
	u_check_eq(run("/good"), EXITED(42));
	write_file("/script", script, sizeof(script));
	u_check_eq(run("/script"), EXITED(44)); /* /good "arg one" /script ARG */
	write_file("/badscript", bad_script, sizeof(bad_script));
	u_check_eq(run("/badscript"), EXITED(ENOENT));
	write_file("/loop", "#!/loop\n", 8);
	u_check_eq(run("/loop"), EXITED(ELOOP));
	u_check_eq(run("/nothing"), EXITED(ENOENT));
	u_check_eq(run("/"), EXITED(EACCES));

	bad = good;
	bad.e.e_machine = 1;
	write_file("/bad", &bad, sizeof(bad));
	u_check_eq(run("/bad"), EXITED(ENOEXEC));
	write_file("/empty", &bad, 0);
	u_check_eq(run("/empty"), EXITED(ENOEXEC));
	write_file("/short", &good, 40);
	u_check_eq(run("/short"), EXITED(ENOEXEC));
}

/* Each byte of the headers wrong in turn: never more than an error or the program's death. */
void script_exec_fuzz(void *arg)
{
	struct image good = good_image();

	mem = u_mmap(16384);
	for (size_t i = 4; i < sizeof(good.e) + sizeof(good.p); i += 1 + i % 3) {
		static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
		struct image bad = good;

		/* an entry point that is no function of ours cannot be run here */
		if (i >= offsetof(struct abi_elf64_ehdr, e_entry) &&
		    i < offsetof(struct abi_elf64_ehdr, e_phoff))
			continue;
		((uint8_t *)&bad)[i] = values[i % 5];
		write_file("/bad", &bad, sizeof(bad));
		run("/bad");
	}
	u_check_eq(run("/nothing"), EXITED(ENOENT));
}
