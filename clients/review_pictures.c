#include "clients/review_pictures.h"

#include "clients/json.h"
#include "clients/review_export.h"
#include "clients/review_html.h"
#include "clients/small_picture.h"

#include <stdlib.h>
#include <string.h>

enum { SLIDER_PIXELS = 900 * 675, PDF_PIXELS = 300 * 1000 };

static const char *const layers[] = {"photo", "overlay", "aligned", "delta_ei", "delta_mi", "ei", "mi", "masks"};

static bool has_picture(const rubor_job_info *job, const char *name)
{
    for (int i = 0; i < job->picture_count; i++)
        if (strcmp(job->pictures[i].name, name) == 0)
            return true;
    return false;
}

/* A picture as the worker made it; out->data stays NULL where there is no such one. */
static rubor_status fetch(rubor_buffer *out, const rubor_picture_source *source, const rubor_job_info *job,
                          const char *name, rubor_error *error)
{
    rubor_client_reply reply = {0};
    *out = (rubor_buffer){0};
    if (!has_picture(job, name))
        return RUBOR_OK;
    rubor_request *request = calloc(1, sizeof *request);
    if (!request)
        return rubor_error_set(error, RUBOR_NO_MEMORY, "out of memory");
    rubor_request_init(request, RUBOR_VERB_OVERLAY);
    snprintf(request->job, sizeof request->job, "%s", job->job);
    snprintf(request->picture, sizeof request->picture, "%s", name);
    rubor_status status = source->call(source->context, &reply, request, error);
    if (status == RUBOR_OK && reply.attachment_count) {
        *out = reply.attachments[0];
        reply.attachments[0] = (rubor_buffer){0};
    }
    rubor_client_reply_finish(&reply);
    free(request);
    return status == RUBOR_NOT_FOUND ? RUBOR_OK : status;
}

/* Puts whole, made smaller, into images under name. */
static rubor_status embed(json_t *images, const char *name, const rubor_buffer *whole, int pixels, rubor_error *error)
{
    rubor_buffer small = {0};
    bool png = whole->size > 4 && memcmp(whole->data, "\x89PNG", 4) == 0; /* masks: small, and no JPEG may blur them */
    rubor_status status = RUBOR_OK;
    if (!png)
        status = rubor_picture_shrink(&small, (rubor_bytes){whole->data, whole->size}, pixels, error);
    const rubor_buffer *shown = png ? whole : &small;
    char *uri =
        status == RUBOR_OK ? rubor_data_uri(png ? "image/png" : "image/jpeg", shown->data, shown->size) : NULL;
    if (status == RUBOR_OK && (!uri || !rubor_json_set(images, name, json_string(uri))))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the pictures of the review");
    free(uri);
    rubor_buffer_finish(&small);
    return status;
}

static rubor_status embed_visit(json_t *visit, const rubor_job_info *job, const rubor_picture_source *source,
                                rubor_error *error)
{
    json_t *images = json_object(), *small = json_object();
    const char *slider = has_picture(job, "aligned") ? "aligned" : "photo";
    rubor_status status = RUBOR_OK;
    for (size_t i = 0; status == RUBOR_OK && i < sizeof layers / sizeof layers[0]; i++) {
        rubor_buffer whole;
        status = fetch(&whole, source, job, layers[i], error);
        if (status == RUBOR_OK && whole.data)
            status = embed(small, layers[i], &whole, RUBOR_SMALL_PIXELS, error);
        if (status == RUBOR_OK && whole.data && strcmp(layers[i], slider) == 0)
            status = embed(images, layers[i], &whole, SLIDER_PIXELS, error);
        rubor_buffer_finish(&whole);
    }
    if (status == RUBOR_OK &&
        (!rubor_json_set(visit, "images", json_incref(images)) || !rubor_json_set(visit, "small", json_incref(small))))
        status = rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the pictures of the review");
    json_decref(images);
    json_decref(small);
    return status;
}

rubor_status rubor_review_html_whole(rubor_buffer *out, const json_t *model, const rubor_reply *series,
                                     const rubor_picture_source *source, rubor_error *error)
{
    *out = (rubor_buffer){0};
    json_t *copy = json_deep_copy(model), *days = json_object_get(copy, "days");
    rubor_status status =
        copy ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the pictures of the review");
    json_object_del(copy, "notes");
    for (size_t i = 0; status == RUBOR_OK && i < json_array_size(days) && i < series->job_count; i++)
        status = embed_visit(json_array_get(days, i), &series->jobs[i], source, error);
    if (status == RUBOR_OK)
        status = rubor_review_html(out, copy, error);
    json_decref(copy);
    return status;
}

rubor_status rubor_review_pdf_whole(rubor_buffer *out, const json_t *model, const rubor_reply *series,
                                    const rubor_picture_source *source, rubor_error *error)
{
    *out = (rubor_buffer){0};
    size_t count = series->job_count;
    rubor_buffer *small = calloc(count + 1, sizeof *small);
    rubor_review_picture *pictures = calloc(count + 1, sizeof *pictures);
    rubor_status status =
        small && pictures ? RUBOR_OK : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for the pictures of the review");
    for (size_t i = 0; status == RUBOR_OK && i < count; i++) {
        rubor_buffer whole;
        status = fetch(&whole, source, &series->jobs[i], "photo", error);
        if (status == RUBOR_OK && whole.data)
            status = rubor_picture_shrink(&small[i], (rubor_bytes){whole.data, whole.size}, PDF_PIXELS, error);
        rubor_buffer_finish(&whole);
        pictures[i] = (rubor_review_picture){small[i].data, small[i].size};
    }
    if (status == RUBOR_OK)
        status = rubor_review_pdf(out, model, pictures, error);
    for (size_t i = 0; small && i < count; i++)
        rubor_buffer_finish(&small[i]);
    free(pictures);
    free(small);
    return status;
}
