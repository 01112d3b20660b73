#include "workers/job.h"
#include "imaging/encode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

rubor_status rubor_task_write(int *fd, const rubor_task_header *header,
                              const rubor_bytes parts[RUBOR_TASK_PARTS], rubor_error *error)
{
    rubor_task_header written = *header;
    written.magic = RUBOR_TASK_MAGIC;
    for (int i = 0; i < RUBOR_TASK_PARTS; i++)
        written.size[i] = parts[i].size;
    *fd = memfd_create("rubor-task", MFD_CLOEXEC);
    bool done = *fd >= 0 && rubor_descriptor_write(*fd, &written, sizeof written);
    for (int i = 0; done && i < RUBOR_TASK_PARTS; i++)
        done = rubor_descriptor_write(*fd, parts[i].data, parts[i].size);
    if (done)
        return RUBOR_OK;
    int code = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a job: %s", strerror(code));
}

rubor_status rubor_task_map(int fd, rubor_task_header *header, rubor_bytes parts[RUBOR_TASK_PARTS],
                            rubor_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || (size_t)info.st_size < sizeof *header)
        return rubor_error_set(error, RUBOR_PROTOCOL, "a job's task is cut short");
    size_t size = (size_t)info.st_size, at = sizeof *header;
    uint8_t *mapping = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapping == MAP_FAILED)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a job: %s", strerror(errno));
    memcpy(header, mapping, sizeof *header);
    for (int i = 0; i < RUBOR_TASK_PARTS; i++) {
        if (header->size[i] > size - at) {
            munmap(mapping, size);
            return rubor_error_set(error, RUBOR_PROTOCOL, "a job's task is cut short");
        }
        parts[i] = (rubor_bytes){header->size[i] ? mapping + at : NULL, (size_t)header->size[i]};
        at += (size_t)header->size[i];
    }
    return RUBOR_OK;
}

static rubor_status damaged(rubor_job_result *out, rubor_error *error)
{
    rubor_job_result_finish(out);
    return rubor_error_set(error, RUBOR_CRASHED, "the analysis left no whole result");
}

rubor_status rubor_job_result_map(rubor_job_result *out, int fd, rubor_error *error)
{
    struct stat info;
    rubor_result_header header;
    memset(out, 0, sizeof *out);
    if (fstat(fd, &info) != 0 || (size_t)info.st_size < sizeof header ||
        info.st_size > RUBOR_RESULT_BYTES_MOST)
        return damaged(out, error);
    out->mapping_size = (size_t)info.st_size;
    out->mapping = mmap(NULL, out->mapping_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (out->mapping == MAP_FAILED) {
        out->mapping = NULL;
        return rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for a result: %s", strerror(errno));
    }
    const uint8_t *bytes = out->mapping;
    memcpy(&header, bytes, sizeof header);
    size_t at = sizeof header, left = out->mapping_size - at;
    if (header.magic != RUBOR_RESULT_MAGIC || header.body_size > left || header.picture_count < 0 ||
        header.picture_count > RUBOR_WIRE_PICTURES)
        return damaged(out, error);
    out->status = header.status == 0 ? RUBOR_OK : rubor_status_from_wire(header.status);
    header.message[sizeof header.message - 1] = '\0';
    memcpy(out->message, header.message, sizeof out->message);
    out->body = (rubor_bytes){bytes + at, (size_t)header.body_size};
    at += (size_t)header.body_size;
    for (int i = 0; i < header.picture_count; i++) {
        left = out->mapping_size - at;
        if (header.pictures[i].size > left || header.pictures[i].size > RUBOR_WIRE_PICTURE_BYTES)
            return damaged(out, error);
        header.pictures[i].name[RUBOR_WORD_SIZE - 1] = '\0';
        memcpy(out->names[i], header.pictures[i].name, RUBOR_WORD_SIZE);
        out->pictures[i] = (rubor_bytes){bytes + at, (size_t)header.pictures[i].size};
        at += (size_t)header.pictures[i].size;
        out->picture_count++;
    }
    return RUBOR_OK;
}

void rubor_job_result_finish(rubor_job_result *result)
{
    if (result && result->mapping)
        munmap(result->mapping, result->mapping_size);
    if (result)
        memset(result, 0, sizeof *result);
}
