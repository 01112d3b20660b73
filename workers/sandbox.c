/* What a child that decodes a stranger's photo may still do: compute, ask for memory, write its result, end.
 */
#include "workers/job.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* their runtimes map terabytes and call what the filter forbids */
#else
#define SANITIZED 0
#endif

/* From linux/landlock.h (Debian 12 has it; the numbers are the kernel's ABI 1). */
enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_RESTRICT_SELF = 446, LANDLOCK_VERSION_FLAG = 1 };
enum { LANDLOCK_ABI1_FS = (1 << 13) - 1 }; /* execute, write, read, ... make_sym */

static int landlock_abi(void)
{
    return (int)syscall(LANDLOCK_CREATE_RULESET, NULL, (size_t)0, LANDLOCK_VERSION_FLAG);
}

const char *rubor_sandbox_name(void)
{
    if (SANITIZED)
        return "rlimits (sanitizer build)";
    return landlock_abi() >= 1 ? "rlimits+seccomp+landlock" : "rlimits+seccomp";
}

static bool set_limit(int resource, int64_t value)
{
    struct rlimit limit = {(rlim_t)value, (rlim_t)value};
    return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}

static rubor_status limit(const rubor_sandbox_limits *limits, rubor_error *error)
{
    bool set = set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_CPU, limits->cpu_seconds) &&
               set_limit(RLIMIT_FSIZE, RUBOR_RESULT_BYTES_MOST) && set_limit(RLIMIT_NOFILE, 16);
    if (set && !SANITIZED)
        set = set_limit(RLIMIT_AS, limits->memory_bytes);
    return set ? RUBOR_OK : rubor_error_set(error, RUBOR_INTERNAL, "sandbox: limits: %s", strerror(errno));
}

static rubor_status forbid_files(rubor_error *error)
{
    if (landlock_abi() < 1)
        return RUBOR_OK; /* an older kernel: seccomp alone */
    uint64_t handled = LANDLOCK_ABI1_FS;
    int ruleset = (int)syscall(LANDLOCK_CREATE_RULESET, &handled, sizeof handled, 0);
    if (ruleset < 0)
        return rubor_error_set(error, RUBOR_INTERNAL, "sandbox: landlock: %s", strerror(errno));
    int failed = (int)syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0);
    close(ruleset);
    return failed ? rubor_error_set(error, RUBOR_INTERNAL, "sandbox: landlock: %s", strerror(errno))
                  : RUBOR_OK;
}

static rubor_status filter_calls(rubor_error *error)
{
    static const int allowed[] = {
        SCMP_SYS(write),       SCMP_SYS(read),          SCMP_SYS(close),        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),  SCMP_SYS(lseek),         SCMP_SYS(mmap),         SCMP_SYS(munmap),
        SCMP_SYS(mremap),      SCMP_SYS(mprotect),      SCMP_SYS(madvise),      SCMP_SYS(brk),
        SCMP_SYS(futex),       SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
        SCMP_SYS(exit),        SCMP_SYS(exit_group),    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(sysinfo), /* glibc's qsort asks how much memory there is */
        SCMP_SYS(sched_yield), SCMP_SYS(getpid),        SCMP_SYS(gettid),       SCMP_SYS(restart_syscall),
    };
    /* Libraries that look for an optional file are told there is none; anything else ends the process. */
    static const int absent[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(stat),
                                 SCMP_SYS(readlink)};
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int code = context ? 0 : -ENOMEM;
    for (size_t i = 0; code == 0 && i < sizeof allowed / sizeof allowed[0]; i++)
        code = seccomp_rule_add(context, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; code == 0 && i < sizeof absent / sizeof absent[0]; i++)
        code = seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOENT), absent[i], 0);
    if (code == 0)
        code = seccomp_load(context);
    seccomp_release(context);
    return code ? rubor_error_set(error, RUBOR_INTERNAL, "sandbox: seccomp: %s", strerror(-code)) : RUBOR_OK;
}

rubor_status rubor_sandbox_enter(const rubor_sandbox_limits *limits, rubor_error *error)
{
    rubor_status status = limit(limits, error);
    if (!status && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        status = rubor_error_set(error, RUBOR_INTERNAL, "sandbox: no_new_privs: %s", strerror(errno));
    if (!status && !SANITIZED)
        status = forbid_files(error);
    if (!status && !SANITIZED)
        status = filter_calls(error);
    return status;
}
