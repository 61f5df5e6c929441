// SPDX-License-Identifier: GPL-3.0-only
// groups: process
// 32-bit programs that a program starts run natively, in the midst of those that are translated.
#include "check.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;
enum { BASE = 0x8048000, CODE = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr) };

/// write(1, "32\n", 3) ; exit(32), by int 0x80.
static const unsigned char code[] = {
    0xb8, 4, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xb9, 0, 0, 0, 0, 0xba, 3, 0, 0, 0, 0xcd, 0x80,
    0xb8, 1, 0, 0, 0, 0xbb, 32, 0, 0, 0, 0xcd, 0x80, '3', '2', '\n'};

static int make(void) {
  unsigned char image[CODE + sizeof code];
  Elf32_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_EXEC,
                       .e_machine = EM_386, .e_version = EV_CURRENT, .e_entry = BASE + CODE, .e_phoff = sizeof header,
                       .e_ehsize = sizeof header, .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1};
  Elf32_Phdr segment = {.p_type = PT_LOAD, .p_vaddr = BASE, .p_filesz = sizeof image, .p_memsz = sizeof image,
                        .p_flags = PF_R | PF_X, .p_align = 4096};
  memcpy(image, &header, sizeof header);
  memcpy(image + sizeof header, &segment, sizeof segment);
  memcpy(image + CODE, code, sizeof code);
  uint32_t text = BASE + CODE + sizeof code - 3;
  memcpy(image + CODE + 11, &text, 4);
  int file = memfd_create("program", 0);
  CHECK(write(file, image, sizeof image) == (ssize_t)sizeof image);
  fchmod(file, 0755);
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  int again = open(path, O_RDONLY);  // Nobody executes what somebody has open for writing.
  close(file);
  return again;
}

static int ended(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int main(void) {
  char *arguments[] = {"program", NULL}, path[40];
  int file = make();
  // A kernel without 32-bit programs refuses them, natively and here.
  pid_t child = fork();
  if (child == 0) {
    fexecve(file, arguments, environ);
    _exit(errno == ENOEXEC ? 100 : 101);
  }
  int expected = ended(child);
  CHECK(expected == 32 || expected == 100);
  child = vfork();
  if (child == 0) {
    fexecve(file, arguments, environ);
    _exit(100);
  }
  CHECK_EQUAL(ended(child), expected);
  snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), file);
  int problem = posix_spawn(&child, path, NULL, NULL, arguments, environ);
  CHECK(expected == 100 ? problem == ENOEXEC : problem == 0 && ended(child) == 32);
  // A 64-bit program that the translated one starts afterwards is translated again.
  CHECK(system("exit 3") == 3 << 8);
  return verdict();
}
