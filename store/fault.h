/* Every system call of the store that can lose data goes through here, so that tests can make each of them
 * fail. */
#ifndef RUBOR_STORE_FAULT_H
#define RUBOR_STORE_FAULT_H

#include "store/store.h"

#include <sys/types.h>

int rubor_fault_open(const char *path, int flags, mode_t mode);
ssize_t rubor_fault_write(int fd, const void *data, size_t size);
int rubor_fault_fsync(int fd);
int rubor_fault_syncfs(int fd); /* counts as RUBOR_STORE_OP_FSYNC */
int rubor_fault_rename(const char *from, const char *to);
/* Registers a SQLite VFS "rubor" over the default one whose writes and syncs fail likewise. Safe to call again. */
void rubor_fault_register_vfs(void);

#endif
