#include "store/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    int countdown, errno_value;
    bool sticky;
    int64_t calls;
} faults[RUBOR_STORE_OP_COUNT];

void rubor_store_fault(rubor_store_op op, int countdown, int errno_value, bool sticky)
{
    faults[op].countdown = countdown;
    faults[op].errno_value = errno_value;
    faults[op].sticky = sticky;
}

int64_t rubor_store_op_count(rubor_store_op op)
{
    return faults[op].calls;
}

void rubor_store_fault_reset(void)
{
    memset(faults, 0, sizeof faults);
}

/* Whether this call of op is to fail; sets errno. */
static bool fails_now(rubor_store_op op)
{
    faults[op].calls++;
    if (faults[op].countdown == 0)
        return false;
    if (faults[op].countdown > 1) {
        faults[op].countdown--;
        return false;
    }
    if (!faults[op].sticky)
        faults[op].countdown = 0;
    errno = faults[op].errno_value;
    return true;
}

int rubor_fault_open(const char *path, int flags, mode_t mode)
{
    return fails_now(RUBOR_STORE_OP_OPEN) ? -1 : open(path, flags, mode);
}

ssize_t rubor_fault_write(int fd, const void *data, size_t size)
{
    return fails_now(RUBOR_STORE_OP_WRITE) ? -1 : write(fd, data, size);
}

int rubor_fault_fsync(int fd)
{
    return fails_now(RUBOR_STORE_OP_FSYNC) ? -1 : fsync(fd);
}

int rubor_fault_syncfs(int fd)
{
    return fails_now(RUBOR_STORE_OP_FSYNC) ? -1 : syncfs(fd);
}

int rubor_fault_rename(const char *from, const char *to)
{
    return fails_now(RUBOR_STORE_OP_RENAME) ? -1 : rename(from, to);
}

/* ---- a SQLite VFS that passes everything through, save what is to fail ---- */

typedef struct fault_file {
    sqlite3_file base; /* the real file follows, aligned to 8 */
} fault_file;

static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;

static sqlite3_file *real_file(sqlite3_file *file)
{
    return (sqlite3_file *)((char *)file + ((sizeof(fault_file) + 7) & ~(size_t)7));
}

static int fault_code(void)
{
    return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR;
}

static int fault_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    if (fails_now(RUBOR_STORE_OP_DB_WRITE))
        return fault_code();
    return real_file(file)->pMethods->xWrite(real_file(file), data, size, offset);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    if (fails_now(RUBOR_STORE_OP_DB_SYNC))
        return SQLITE_IOERR_FSYNC;
    return real_file(file)->pMethods->xSync(real_file(file), flags);
}

static int pass_close(sqlite3_file *file)
{
    sqlite3_file *real = real_file(file);
    return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}
static int pass_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
    return real_file(file)->pMethods->xRead(real_file(file), data, size, offset);
}
static int pass_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real_file(file)->pMethods->xTruncate(real_file(file), size);
}
static int pass_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_file(file)->pMethods->xFileSize(real_file(file), size);
}
static int pass_lock(sqlite3_file *file, int level)
{
    return real_file(file)->pMethods->xLock(real_file(file), level);
}
static int pass_unlock(sqlite3_file *file, int level)
{
    return real_file(file)->pMethods->xUnlock(real_file(file), level);
}
static int pass_check(sqlite3_file *file, int *out)
{
    return real_file(file)->pMethods->xCheckReservedLock(real_file(file), out);
}
static int pass_control(sqlite3_file *file, int op, void *argument)
{
    return real_file(file)->pMethods->xFileControl(real_file(file), op, argument);
}
static int pass_sector(sqlite3_file *file)
{
    return real_file(file)->pMethods->xSectorSize(real_file(file));
}
static int pass_device(sqlite3_file *file)
{
    return real_file(file)->pMethods->xDeviceCharacteristics(real_file(file));
}
static int pass_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_file(file)->pMethods->xShmMap(real_file(file), page, size, extend, out);
}
static int pass_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_file(file)->pMethods->xShmLock(real_file(file), offset, n, flags);
}
static void pass_shm_barrier(sqlite3_file *file)
{
    real_file(file)->pMethods->xShmBarrier(real_file(file));
}
static int pass_shm_unmap(sqlite3_file *file, int remove)
{
    return real_file(file)->pMethods->xShmUnmap(real_file(file), remove);
}

static const sqlite3_io_methods fault_methods = {
    2,           pass_close,   pass_read,     fault_write,      pass_truncate,  fault_sync,
    pass_size,   pass_lock,    pass_unlock,   pass_check,       pass_control,   pass_sector,
    pass_device, pass_shm_map, pass_shm_lock, pass_shm_barrier, pass_shm_unmap, NULL,
    NULL};

static int fault_vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    file->pMethods = NULL;
    int code = real_vfs->xOpen(real_vfs, name, real_file(file), flags, out_flags);
    if (code == SQLITE_OK)
        file->pMethods = &fault_methods;
    return code;
}

void rubor_fault_register_vfs(void)
{
    if (real_vfs)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    fault_vfs = *real_vfs;
    fault_vfs.zName = "rubor";
    fault_vfs.pNext = NULL;
    fault_vfs.szOsFile = (int)((sizeof(fault_file) + 7) & ~(size_t)7) + real_vfs->szOsFile;
    fault_vfs.xOpen = fault_vfs_open;
    sqlite3_vfs_register(&fault_vfs, 0);
}
