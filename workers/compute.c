/* The job itself, in the child. */
#include "analyzer/analyze.h"
#include "analyzer/series.h"
#include "analyzer/summary.h"
#include "calibration/chart.h"
#include "imaging/encode.h"
#include "workers/job.h"
#include "workers/map_pictures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct computed {
    rubor_buffer body;
    int picture_count;
    char names[RUBOR_WIRE_PICTURES][RUBOR_WORD_SIZE];
    rubor_buffer pictures[RUBOR_WIRE_PICTURES];
} computed;

/* What a client sent beside its photos; read inside the sandbox like them. */
typedef struct prepared {
    rubor_request request;
    rubor_chart_table table;
    bool table_given;
    rubor_profile profile, baseline_profile;
    bool profile_given, baseline_profile_given;
} prepared;

/* A result that is not whole is found out by the worker: nothing is to be done about a failed write here. */
static void write_result(int fd, rubor_status status, const rubor_error *error, const computed *out)
{
    rubor_result_header header = {.magic = RUBOR_RESULT_MAGIC, .status = (int32_t)status};
    if (status) {
        snprintf(header.message, sizeof header.message, "%s", error->message);
        rubor_descriptor_write(fd, &header, sizeof header);
        return;
    }
    header.body_size = out->body.size;
    header.picture_count = out->picture_count;
    for (int i = 0; i < out->picture_count; i++) {
        snprintf(header.pictures[i].name, sizeof header.pictures[i].name, "%s", out->names[i]);
        header.pictures[i].size = out->pictures[i].size;
    }
    bool done = rubor_descriptor_write(fd, &header, sizeof header) &&
                rubor_descriptor_write(fd, out->body.data, out->body.size);
    for (int i = 0; done && i < out->picture_count; i++)
        done = rubor_descriptor_write(fd, out->pictures[i].data, out->pictures[i].size);
}

static rubor_status prepare(prepared *out, const rubor_bytes parts[RUBOR_TASK_PARTS], rubor_error *error)
{
    rubor_status status =
        rubor_request_unpack(&out->request, RUBOR_VERB_COMPARE, parts[RUBOR_TASK_PARAMETERS], error);
    if (!status && out->request.chart_table.size) {
        out->table_given = true;
        status = rubor_chart_table_read(&out->table, out->request.chart_table.data,
                                        out->request.chart_table.size, error);
    }
    if (!status && parts[RUBOR_TASK_PROFILE].size) {
        out->profile_given = true;
        status = rubor_profile_read(&out->profile, (const char *)parts[RUBOR_TASK_PROFILE].data,
                                    parts[RUBOR_TASK_PROFILE].size, error);
    }
    if (!status && parts[RUBOR_TASK_BASELINE_PROFILE].size) {
        out->baseline_profile_given = true;
        status =
            rubor_profile_read(&out->baseline_profile, (const char *)parts[RUBOR_TASK_BASELINE_PROFILE].data,
                               parts[RUBOR_TASK_BASELINE_PROFILE].size, error);
    }
    return status;
}

static const rubor_polygon *given(const rubor_polygon *polygon)
{
    return polygon->count ? polygon : NULL;
}

static rubor_status add_picture(computed *out, const char *name, const rubor_image_encoded *image,
                                rubor_error *error)
{
    if (!image->rgb)
        return RUBOR_OK;
    rubor_status status = rubor_jpeg_encode(&out->pictures[out->picture_count], image, 85, true, error);
    if (!status)
        snprintf(out->names[out->picture_count++], RUBOR_WORD_SIZE, "%s", name);
    return status;
}

static rubor_status add_maps(computed *out, const rubor_maps *maps, rubor_error *error)
{
    const struct {
        const char *name;
        const rubor_plane *plane;
        rubor_map_kind kind;
    } rows[] = {{"ei", &maps->ei, RUBOR_MAP_EI},
                {"mi", &maps->mi, RUBOR_MAP_MI},
                {"delta_ei", &maps->delta_ei, RUBOR_MAP_DELTA_EI},
                {"delta_mi", &maps->delta_mi, RUBOR_MAP_DELTA_MI}};
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; !status && i < sizeof rows / sizeof rows[0]; i++) {
        rubor_image_encoded picture = {0};
        if (!rows[i].plane->data || !maps->working.rgb)
            continue;
        status = rubor_map_picture(&picture, rows[i].plane, rows[i].kind, &maps->working, error);
        if (!status)
            status = add_picture(out, rows[i].name, &picture, error);
        rubor_image_encoded_finish(&picture);
    }
    return status;
}

/* For a page that switches reddened, pigmented and found areas one by one. */
static rubor_status add_masks(computed *out, const rubor_maps *maps, rubor_error *error)
{
    rubor_image_encoded picture = {0};
    if (!maps->erythema.data && !maps->pigment.data && !maps->findings.data)
        return RUBOR_OK;
    rubor_status status =
        rubor_mask_picture(&picture, &maps->erythema, &maps->pigment, &maps->findings, error);
    if (!status)
        status = rubor_png_encode_rgb8(&out->pictures[out->picture_count], &picture, error);
    if (!status)
        snprintf(out->names[out->picture_count++], RUBOR_WORD_SIZE, "masks");
    rubor_image_encoded_finish(&picture);
    return status;
}

static rubor_status measure(computed *out, prepared *ready, const rubor_bytes parts[RUBOR_TASK_PARTS],
                            int64_t now_s, rubor_error *error)
{
    const rubor_request *r = &ready->request;
    rubor_analyze_options options = {.region = given(&r->region),
                                     .control = given(&r->control),
                                     .baseline_region = given(&r->baseline_region),
                                     .baseline_control = given(&r->baseline_control),
                                     .day = r->day,
                                     .profile = ready->profile_given ? &ready->profile : NULL,
                                     .baseline_profile =
                                         ready->baseline_profile_given ? &ready->baseline_profile : NULL,
                                     .corners_px = r->corners.count ? r->corners.points : NULL,
                                     .chart_table = ready->table_given ? &ready->table : NULL,
                                     .now = now_s};
    rubor_maps maps = {0};
    rubor_record *record = malloc(sizeof *record);
    if (!record)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_status status = RUBOR_OK;
    if (r->edition[0])
        status = rubor_chart_edition_parse(&options.edition, r->edition, error);
    if (!status)
        status = rubor_analyze(record, &maps, parts[RUBOR_TASK_PHOTO], parts[RUBOR_TASK_BASELINE], &options,
                               error);
    if (!status)
        status = rubor_record_to_bytes(&out->body, record, error);
    if (!status)
        status = add_picture(out, "photo", &maps.working, error);
    if (!status)
        status = add_picture(out, "overlay", &maps.overlay, error);
    if (!status)
        status = add_picture(out, "aligned", &maps.aligned, error);
    if (!status)
        status = add_maps(out, &maps, error);
    if (!status)
        status = add_masks(out, &maps, error);
    rubor_maps_finish(&maps);
    free(record);
    return status;
}

/* Of a reply whose series and curve are known. */
static rubor_status summarize(rubor_reply *reply, rubor_error *error)
{
    rubor_course_photo *photos = calloc(reply->job_count + 1, sizeof *photos);
    if (!photos)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < reply->job_count; i++) {
        const rubor_job_info *job = &reply->jobs[i];
        bool failed = strcmp(job->state, "failed") == 0 || strcmp(job->state, "quarantined") == 0;
        photos[i] = (rubor_course_photo){job->day, job->view, job->record, job->in_curve, failed};
    }
    rubor_summarize(&reply->summary, reply->series, photos, reply->job_count);
    free(photos);
    return RUBOR_OK;
}

static rubor_status follow(computed *out, rubor_bytes body, rubor_error *error)
{
    rubor_reply *reply = malloc(sizeof *reply);
    rubor_visit *visits = NULL;
    size_t count = 0;
    rubor_status status = reply ? rubor_reply_unpack(reply, body, error)
                                : rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    if (status) {
        free(reply);
        return status;
    }
    visits = calloc(reply->job_count + 1, sizeof *visits);
    reply->series = calloc(1, sizeof *reply->series);
    if (!visits || !reply->series)
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    for (size_t i = 0; !status && i < reply->job_count; i++) {
        if (!reply->jobs[i].record)
            continue;
        visits[count].day = reply->jobs[i].day;
        visits[count].record = reply->jobs[i].record;
        snprintf(visits[count++].view, sizeof visits->view, "%s", reply->jobs[i].view);
    }
    if (!status)
        status = rubor_series_analyze(reply->series, visits, count, error);
    for (size_t v = 0; !status && v < count; v++)
        for (size_t i = 0; i < reply->job_count; i++)
            if (reply->jobs[i].record == visits[v].record)
                reply->jobs[i].in_curve = visits[v].in_curve;
    if (!status)
        status = summarize(reply, error);
    for (size_t i = 0; i < reply->job_count; i++)
        rubor_job_info_finish(&reply->jobs[i]); /* the broker has the records */
    if (!status)
        status = rubor_reply_pack(&out->body, reply, error);
    free(visits);
    rubor_reply_finish(reply);
    free(reply);
    return status;
}

void rubor_job_compute(int task_fd, int result_fd, rubor_status (*lock)(void *context, rubor_error *error),
                       void *context)
{
    rubor_task_header header;
    rubor_bytes parts[RUBOR_TASK_PARTS];
    rubor_error error = {0};
    computed *out = calloc(1, sizeof *out);
    prepared *ready = calloc(1, sizeof *ready);
    rubor_status status = out && ready ? rubor_task_map(task_fd, &header, parts, &error)
                                       : rubor_error_set(&error, RUBOR_NO_MEMORY, "out of memory");
    if (!status)
        status = lock(context, &error);
    if (!status && !header.series)
        status = prepare(ready, parts, &error);
    if (!status && header.series)
        status = follow(out, parts[RUBOR_TASK_PARAMETERS], &error);
    else if (!status)
        status = measure(out, ready, parts, header.now_s, &error);
    write_result(result_fd, status, &error, out);
    if (out) {
        free(out->body.data);
        for (int i = 0; i < out->picture_count; i++)
            rubor_buffer_finish(&out->pictures[i]);
    }
    free(out);
    free(ready);
}
