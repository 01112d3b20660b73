/* A treatment as files: photos, masks, polygons and truth.json. */
#include "samples/sample.h"
#include "samples/scene.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DAYS_MAX = 400, DAY_LAST = 3650 };

typedef struct day_list {
    int count, day[DAYS_MAX];
} day_list;

static bool read_number(const char **text, int *out)
{
    if (**text < '0' || **text > '9')
        return false;
    int value = 0;
    while (**text >= '0' && **text <= '9') {
        value = value * 10 + (*(*text)++ - '0');
        if (value > DAY_LAST)
            return false;
    }
    *out = value;
    return true;
}

/* "0-10,14,21,28": rising, no day twice. */
static rubor_status parse_days(day_list *out, const char *text, rubor_error *error)
{
    const char *at = text;
    out->count = 0;
    do {
        int first, last;
        if (!read_number(&at, &first))
            goto bad;
        last = first;
        if (*at == '-') {
            at++;
            if (!read_number(&at, &last) || last < first)
                goto bad;
        }
        for (int day = first; day <= last; day++) {
            if (out->count > 0 && day <= out->day[out->count - 1])
                goto bad;
            if (out->count == DAYS_MAX)
                return rubor_error_set(error, RUBOR_INVALID, "days '%.60s': more than %d", text, DAYS_MAX);
            out->day[out->count++] = day;
        }
    } while (*at == ',' && *++at);
    if (*at == '\0' && at[-1] != ',')
        return RUBOR_OK;
bad:
    return rubor_error_set(error, RUBOR_INVALID,
                           "days '%.60s': give rising days 0 to %d, such as 0-10,14,21,28", text, DAY_LAST);
}

static rubor_status write_file(const char *dir, const char *name, const void *data, size_t size,
                               rubor_error *error)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return rubor_error_set(error, RUBOR_INVALID, "%.80s...: the path is too long", dir);
    return rubor_file_write(path, data, size, error);
}

static rubor_status write_polygon(const char *dir, const char *name, const rubor_polygon *polygon,
                                  rubor_error *error)
{
    char text[256 * 24];
    size_t used = 0;
    for (size_t i = 0; i < polygon->count; i++) {
        int n = snprintf(text + used, sizeof text - used, "%s%.1f,%.1f", i ? " " : "", polygon->points[i].x,
                         polygon->points[i].y);
        if (n < 0 || (size_t)n >= sizeof text - used)
            return rubor_error_set(error, RUBOR_INTERNAL, "a polygon's text is too long");
        used += (size_t)n;
    }
    text[used++] = '\n';
    return write_file(dir, name, text, used, error);
}

static rubor_status write_mask(const char *dir, const char *stem, const char *kind, const rubor_mask *mask,
                               rubor_error *error)
{
    char name[64];
    rubor_buffer png = {0};
    snprintf(name, sizeof name, "%s_%s.png", stem, kind);
    rubor_status status = rubor_png_encode_mask(&png, mask, error);
    if (status == RUBOR_OK)
        status = write_file(dir, name, png.data, png.size, error);
    rubor_buffer_finish(&png);
    return status;
}

/* Rounded so that the text is short; null where it could not be measured. */
static json_t *number(double x)
{
    return isnan(x) ? json_null() : json_real(floor(x * 1e4 + 0.5) / 1e4);
}

static json_t *points(const rubor_point *point, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("[o,o]", number(point[i].x), number(point[i].y)));
    return list;
}

static json_t *photo_truth(const rubor_sample_photo *photo, const rubor_scene *scene, int day,
                           const char *stem)
{
    const rubor_sample_truth *t = &photo->truth;
    char name[32];
    snprintf(name, sizeof name, "%s.jpg", stem);
    json_t *o = json_object();
    json_object_set_new(o, "photo", json_string(name));
    json_object_set_new(o, "day", day < 0 ? json_string("before") : json_integer(day));
    json_object_set_new(o, "delta_ei", number(t->delta_ei));
    json_object_set_new(o, "delta_mi", number(t->delta_mi));
    json_object_set_new(o, "delta_ei_total", number(t->delta_ei_total));
    json_object_set_new(o, "delta_mi_total", number(t->delta_mi_total));
    json_object_set_new(o, "redness_score", number(t->redness_score));
    json_object_set_new(o, "pigment_score", number(t->pigment_score));
    json_object_set_new(o, "control_ei", number(t->control_ei));
    json_object_set_new(o, "control_mi", number(t->control_mi));
    json_object_set_new(o, "skin_ei", number(t->skin_ei));
    json_object_set_new(o, "skin_mi", number(t->skin_mi));
    json_object_set_new(o, "pinpoint_count", json_integer(t->pinpoint_count));
    json_object_set_new(o, "crust_count", json_integer(t->crust_count));
    json_object_set_new(o, "crust_percent", number(t->crust_percent));
    json_object_set_new(o, "bruise_percent", number(t->bruise_percent));
    json_object_set_new(o, "erythema_percent", number(t->erythema_percent));
    json_object_set_new(o, "pigment_percent", number(t->pigment_percent));
    json_object_set_new(o, "glare_percent", number(t->glare_percent));
    json_object_set_new(o, "mm_per_px", number(t->mm_per_px));
    json_object_set_new(o, "chart_corners_px",
                        scene->options.chart ? points(photo->chart_corners, 4) : json_null());
    json_object_set_new(o, "region", points(photo->region.points, photo->region.count));
    json_object_set_new(o, "control", points(photo->control.points, photo->control.count));
    return o;
}

static json_t *name_or_null(const char *name)
{
    return name ? json_string(name) : json_null();
}

static json_t *scene_truth(const rubor_scene *scene)
{
    const rubor_sample_options *options = &scene->options;
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_integer(1));
    json_object_set_new(o, "seed", json_integer((json_int_t)options->seed));
    json_object_set_new(o, "tone", json_string(options->tone));
    json_object_set_new(o, "course", json_string(options->course));
    json_object_set_new(o, "camera", json_string(options->camera));
    json_object_set_new(o, "lamp", json_string(options->lamp));
    json_object_set_new(o, "lamp2", name_or_null(options->lamp2));
    json_object_set_new(o, "visit_lamp", name_or_null(options->visit_lamp));
    json_object_set_new(o, "visit_lamp2", name_or_null(options->visit_lamp2));
    json_object_set_new(o, "object", name_or_null(options->object));
    json_object_set_new(o, "width", json_integer(options->width));
    json_object_set_new(o, "height", json_integer(options->height));
    json_object_set_new(o, "ita", number(scene->skin.ita));
    json_object_set_new(o, "erythema_threshold_ei", json_real(RUBOR_SAMPLE_ERYTHEMA_EI));
    json_object_set_new(o, "pigment_threshold_mi", json_real(RUBOR_SAMPLE_PIGMENT_MI));
    json_object_set_new(o, "findings_values",
                        json_pack("{s:i,s:i,s:i,s:i}", "shine", RUBOR_SAMPLE_SHINE, "bruise",
                                  RUBOR_SAMPLE_BRUISE, "crust", RUBOR_SAMPLE_CRUST, "pinpoint",
                                  RUBOR_SAMPLE_PINPOINT));
    return o;
}

static rubor_status write_photo(const char *dir, const char *stem, const rubor_sample_photo *photo,
                                rubor_error *error)
{
    char name[32];
    snprintf(name, sizeof name, "%s.jpg", stem);
    rubor_status status = write_file(dir, name, photo->jpeg.data, photo->jpeg.size, error);
    if (status == RUBOR_OK)
        status = write_mask(dir, stem, "skin", &photo->skin, error);
    if (status == RUBOR_OK)
        status = write_mask(dir, stem, "erythema", &photo->erythema, error);
    if (status == RUBOR_OK)
        status = write_mask(dir, stem, "pigment", &photo->pigment, error);
    if (status == RUBOR_OK)
        status = write_mask(dir, stem, "findings", &photo->findings, error);
    return status;
}

static rubor_status write_day(const char *dir, const rubor_sample_series *series, const rubor_scene *scene,
                              int day, json_t *days, rubor_error *error)
{
    rubor_sample_photo photo = {0};
    char stem[16];
    if (day < 0)
        snprintf(stem, sizeof stem, "before");
    else
        snprintf(stem, sizeof stem, "day%02d", day);
    rubor_status status = rubor_sample_series_render(&photo, series, day, error);
    if (status == RUBOR_OK)
        status = write_photo(dir, stem, &photo, error);
    if (status == RUBOR_OK && day < 0)
        status = write_polygon(dir, "region.txt", &photo.region, error);
    if (status == RUBOR_OK && day < 0)
        status = write_polygon(dir, "control.txt", &photo.control, error);
    if (status == RUBOR_OK)
        json_array_append_new(days, photo_truth(&photo, scene, day, stem));
    rubor_sample_photo_finish(&photo);
    return status;
}

static rubor_status make_directory(const char *dir, rubor_error *error)
{
    struct stat info;
    if (mkdir(dir, 0777) == 0)
        return RUBOR_OK;
    if (errno == EEXIST && stat(dir, &info) == 0 && S_ISDIR(info.st_mode))
        return RUBOR_OK;
    return rubor_error_set(error, RUBOR_IO, "%.200s: the directory cannot be made: %s", dir,
                           errno == EEXIST ? "a file has this name" : strerror(errno));
}

rubor_status rubor_sample_write(const char *dir, const rubor_sample_options *options, const char *days,
                                rubor_error *error)
{
    day_list list;
    rubor_sample_series *series = NULL;
    json_t *truth = NULL, *entries = NULL;
    char *text = NULL;
    rubor_status status = parse_days(&list, days, error);
    if (status == RUBOR_OK)
        status = rubor_sample_series_create(&series, options, error);
    if (status == RUBOR_OK)
        status = make_directory(dir, error);
    if (status != RUBOR_OK)
        goto out;
    const rubor_scene *scene = rubor_sample_series_scene(series);
    truth = scene_truth(scene);
    entries = json_array();
    json_object_set(truth, "photos", entries);
    for (int i = -1; i < list.count && status == RUBOR_OK; i++)
        status = write_day(dir, series, scene, i < 0 ? -1 : list.day[i], entries, error);
    if (status != RUBOR_OK)
        goto out;
    text = json_dumps(truth, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    status = text ? write_file(dir, "truth.json", text, strlen(text), error)
                  : rubor_error_set(error, RUBOR_NO_MEMORY, "no memory for truth.json");
out:
    free(text);
    json_decref(entries);
    json_decref(truth);
    rubor_sample_series_destroy(&series);
    return status;
}
