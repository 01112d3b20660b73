/* Two pages for a patient record: what was found, and the photos it was found in. A4, points (1/72 inch). */
#include "analyzer/series.h"
#include "clients/report.h"
#include "clients/review_export.h"
#include "clients/review_model.h"
#include "imaging/encode.h"
#include "imaging/number.h"
#include "imaging/photo.h"

#include <cairo-pdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double PAGE_WIDTH = 595, PAGE_HEIGHT = 842, MARGIN = 42;

static void set_color(cairo_t *to, unsigned rgb)
{
    cairo_set_source_rgb(to, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

static void font(cairo_t *to, double size, bool bold)
{
    cairo_select_font_face(to, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(to, size);
}

static void text_at(cairo_t *to, double x, double y, const char *text)
{
    cairo_move_to(to, x, y);
    cairo_show_text(to, text);
}

static void text_right(cairo_t *to, double x, double y, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(to, text, &extents);
    text_at(to, x - extents.x_advance, y, text);
}

/* Breaks at spaces; returns the next line's y. */
static double paragraph(cairo_t *to, double x, double y, double width, double leading, const char *text)
{
    char line[512] = "";
    while (*text) {
        size_t word = strcspn(text, " "), used = strlen(line);
        char longer[512];
        snprintf(longer, sizeof longer, "%s%s%.*s", line, used ? " " : "", (int)(word < 200 ? word : 200), text);
        cairo_text_extents_t extents;
        cairo_text_extents(to, longer, &extents);
        if (used && extents.x_advance > width) {
            text_at(to, x, y, line);
            y += leading;
            line[0] = '\0';
            continue;
        }
        memcpy(line, longer, sizeof line);
        text += word;
        text += strspn(text, " ");
    }
    if (line[0]) {
        text_at(to, x, y, line);
        y += leading;
    }
    return y;
}

static double number_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void print_number(char out[32], double value, int digits)
{
    if (isfinite(value))
        snprintf(out, 32, "%.*f", digits, rubor_number_round(value, digits));
    else
        snprintf(out, 32, "-");
}

static bool is_before(const json_t *visit)
{
    const char *phase = json_string_value(json_object_get(visit, "phase"));
    return phase && strcmp(phase, "before") == 0;
}

static bool is_measured(const json_t *visit)
{
    const char *reference = json_string_value(json_object_get(visit, "reference"));
    return !is_before(visit) && reference && strcmp(reference, "baseline") == 0 &&
           !json_is_false(json_object_get(visit, "in_curve"));
}

static void day_name(char out[32], const json_t *visit)
{
    if (is_before(visit))
        snprintf(out, 32, "before");
    else
        snprintf(out, 32, "day %d", (int)json_integer_value(json_object_get(visit, "day")));
}

static void add_fact(char *line, size_t size, const char *name, const char *value, const char *unit)
{
    size_t used = strlen(line);
    if (value && value[0])
        snprintf(line + used, size - used, "%s%s%.80s%s", used ? ", " : "", name, value, unit);
}

/* What is known of the treatment; "" where that is nothing. */
static void facts_of(char *line, size_t size, const json_t *model)
{
    const json_t *treatment = json_object_get(model, "treatment");
    const json_t *needle_mm = json_object_get(treatment, "needle_mm");
    char needle[32] = "";
    if (json_is_number(needle_mm))
        snprintf(needle, sizeof needle, "%.4g", json_number_value(needle_mm));
    line[0] = '\0';
    add_fact(line, size, "treated ", json_string_value(json_object_get(treatment, "date")), "");
    add_fact(line, size, "", json_string_value(json_object_get(treatment, "site")), "");
    add_fact(line, size, "", json_string_value(json_object_get(treatment, "device")), "");
    add_fact(line, size, "needle ", needle, " mm");
}

static double page_head(cairo_t *to, const json_t *model)
{
    char line[700];
    const json_t *rubor = json_object_get(model, "rubor");
    const char *version = json_string_value(json_object_get(rubor, "version"));
    const char *algorithm = json_string_value(json_object_get(rubor, "algorithm"));
    set_color(to, 0x1d1b1a);
    font(to, 15, true);
    snprintf(line, sizeof line, "Patient %s, session %s", json_string_value(json_object_get(model, "patient")),
             json_string_value(json_object_get(model, "session")));
    text_at(to, MARGIN, MARGIN + 12, line);
    font(to, 8.5, false);
    set_color(to, 0x5c5753);
    facts_of(line, sizeof line, model);
    text_at(to, MARGIN, MARGIN + 26, line);
    snprintf(line, sizeof line, "Rubor %s, algorithm %s. Rubor measures; it does not diagnose.", version ? version : "-",
             algorithm ? algorithm : "-");
    text_at(to, MARGIN, MARGIN + 37, line);
    set_color(to, 0x1d1b1a);
    return MARGIN + 55;
}

static bool is_of_view(const json_t *of, const char *view)
{
    const char *own = json_string_value(json_object_get(of, "view"));
    return !view || strcmp(own ? own : "", view) == 0;
}

static bool has_curve(const json_t *model, const char *view)
{
    const json_t *days = json_object_get(model, "days");
    for (size_t i = 0; i < json_array_size(days); i++)
        if (is_of_view(json_array_get(days, i), view) && is_measured(json_array_get(days, i)))
            return true;
    return false;
}

/* The treatment's headline, then the flags of this view. */
static double summary(cairo_t *to, double y, const json_t *model, const char *view)
{
    const json_t *flags = json_object_get(model, "flags"), *words = json_object_get(model, "summary");
    const char *headline = json_string_value(json_object_get(words, "headline"));
    if (!has_curve(model, view) && has_curve(model, NULL))
        headline = NULL; /* it is said of another view */
    const char *urgency = json_string_value(json_object_get(words, "urgency"));
    font(to, 11, true);
    set_color(to, !urgency || strcmp(urgency, "none") == 0 ? 0x1f6b3a : strcmp(urgency, "look") == 0 ? 0x8c1d18 : 0x7a4e00);
    if (headline)
        text_at(to, MARGIN, y, headline);
    font(to, 9, false);
    y += headline ? 14 : 0;
    for (size_t i = 0; i < json_array_size(flags); i++) {
        const json_t *flag = json_array_get(flags, i);
        const char *message = json_string_value(json_object_get(flag, "message"));
        if (is_of_view(flag, view))
            y = paragraph(to, MARGIN + 8, y, PAGE_WIDTH - 2 * MARGIN - 8, 12, message ? message : "");
    }
    set_color(to, 0x1d1b1a);
    return y + 4;
}

typedef struct plot {
    double x, y, width, height; /* of the frame, points */
    double day_last, low, high; /* axes */
} plot;

static double plot_x(const plot *p, double day)
{
    return p->x + p->width * day / p->day_last;
}

static double plot_y(const plot *p, double value)
{
    return p->y + p->height * (p->high - value) / (p->high - p->low);
}

static void plot_axes(cairo_t *to, const plot *p, const char *title)
{
    char label[32];
    font(to, 9, true);
    text_at(to, p->x, p->y - 6, title);
    font(to, 7.5, false);
    cairo_set_line_width(to, 0.5);
    double span = p->high - p->low, step = span > 40 ? 10 : span > 16 ? 5 : span > 8 ? 2 : 1;
    for (double v = ceil(p->low / step) * step + 0.0; v <= p->high + 1e-9; v += step) {
        set_color(to, 0xd9d4cf);
        cairo_move_to(to, p->x, plot_y(p, v));
        cairo_rel_line_to(to, p->width, 0);
        cairo_stroke(to);
        set_color(to, 0x5c5753);
        snprintf(label, sizeof label, "%.0f", v);
        text_right(to, p->x - 3, plot_y(p, v) + 2.5, label);
    }
    int day_step = p->day_last > 14 ? 7 : 1;
    for (int day = 0; day <= (int)p->day_last; day += day_step) {
        snprintf(label, sizeof label, "%d", day);
        text_at(to, plot_x(p, day) - 2, p->y + p->height + 10, label);
    }
    set_color(to, 0x1d1b1a);
}

/* The model's band, cut at the axis. */
static void plot_expected(cairo_t *to, const plot *p, const json_t *band, double peak)
{
    size_t count = json_array_size(band);
    cairo_save(to);
    cairo_rectangle(to, p->x, p->y, p->width, p->height);
    cairo_clip(to);
    cairo_set_source_rgba(to, 0.27, 0.51, 0.35, 0.18);
    cairo_new_path(to);
    for (size_t i = 0; i < 2 * count; i++) { /* forth along the upper edge, back along the lower */
        const json_t *step = json_array_get(band, i < count ? i : 2 * count - 1 - i);
        double share = number_of(json_object_get(step, i < count ? "high" : "low"));
        cairo_line_to(to, plot_x(p, number_of(json_object_get(step, "day"))), plot_y(p, share * peak));
    }
    cairo_close_path(to);
    cairo_fill(to);
    cairo_restore(to);
}

typedef struct sample {
    double day, value, low, high;
} sample;

static int compare_samples(const void *one, const void *other)
{
    double a = ((const sample *)one)->day, b = ((const sample *)other)->day;
    return (a > b) - (a < b);
}

static size_t collect(sample *out, size_t capacity, const json_t *model, const char *view, const char *part,
                      const char *key)
{
    char pair_key[48];
    snprintf(pair_key, sizeof pair_key, "%s_interval95", key);
    const json_t *days = json_object_get(model, "days");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(days) && count < capacity; i++) {
        const json_t *visit = json_array_get(days, i), *score = json_object_get(visit, part);
        const char *of = json_string_value(json_object_get(visit, "view"));
        const json_t *pair = json_object_get(score, pair_key);
        double value = number_of(json_object_get(score, key));
        if (!is_measured(visit) || !isfinite(value) || strcmp(of ? of : "", view) != 0)
            continue;
        out[count++] = (sample){(double)json_integer_value(json_object_get(visit, "day")), value,
                                number_of(json_array_get(pair, 0)), number_of(json_array_get(pair, 1))};
    }
    qsort(out, count, sizeof *out, compare_samples);
    return count;
}

static void draw_plot(cairo_t *to, plot p, const json_t *model, const char *view, bool redness)
{
    enum { SAMPLES = 512 };
    sample *samples = calloc(SAMPLES, sizeof *samples);
    if (!samples)
        return;
    size_t count =
        collect(samples, SAMPLES, model, view, redness ? "redness" : "pigmentation", redness ? "delta_ei" : "delta_mi");
    double peak = 0;
    p.day_last = RUBOR_REVIEW_COURSE_DAYS;
    p.low = -2;
    p.high = 6;
    for (size_t i = 0; i < count; i++) {
        p.day_last = fmax(p.day_last, samples[i].day);
        p.low = fmin(p.low, floor(fmin(samples[i].value, samples[i].low)));
        p.high = fmax(p.high, ceil(fmax(samples[i].value, samples[i].high)));
        if (samples[i].day <= 1)
            peak = fmax(peak, samples[i].value);
    }
    plot_axes(to, &p, redness ? "Redness change (delta EI), 95 % interval" : "Pigmentation change (delta MI), 95 % interval");
    if (redness && peak > 0) {
        plot_expected(to, &p, json_object_get(model, "expected"), peak);
        font(to, 6.5, false);
        set_color(to, 0x5c5753);
        paragraph(to, p.x, p.y + p.height + 20, p.width, 7.5,
                  "Shaded: the usual course from the first day's redness, " RUBOR_SERIES_EXPECTED_SOURCE ".");
    }
    set_color(to, redness ? 0xb3261e : 0x7a4b12);
    cairo_set_line_width(to, 1.2);
    cairo_new_path(to); /* showing text leaves a current point */
    for (size_t i = 0; i < count; i++)
        cairo_line_to(to, plot_x(&p, samples[i].day), plot_y(&p, samples[i].value));
    cairo_stroke(to);
    for (size_t i = 0; i < count; i++) {
        double x = plot_x(&p, samples[i].day);
        if (isfinite(samples[i].low) && isfinite(samples[i].high)) {
            cairo_move_to(to, x, plot_y(&p, samples[i].low));
            cairo_line_to(to, x, plot_y(&p, samples[i].high));
            cairo_stroke(to);
        }
        cairo_arc(to, x, plot_y(&p, samples[i].value), 2.2, 0, 2 * M_PI);
        cairo_fill(to);
    }
    set_color(to, 0x1d1b1a);
    free(samples);
}

static void pair_text(char out[64], const json_t *score, const char *key)
{
    char low[32], high[32];
    const json_t *pair = json_object_get(score, key);
    print_number(low, number_of(json_array_get(pair, 0)), 1);
    print_number(high, number_of(json_array_get(pair, 1)), 1);
    snprintf(out, 64, "%s to %s", low, high);
}

static void table_row(cairo_t *to, double y, const json_t *visit)
{
    static const double right[] = {0, 150, 190, 250, 320, 360, 420};
    char cell[64];
    const json_t *red = json_object_get(visit, "redness"), *pigment = json_object_get(visit, "pigmentation");
    bool compared = is_measured(visit);
    day_name(cell, visit);
    text_at(to, MARGIN, y, cell);
    const char *verdict = json_string_value(json_object_get(json_object_get(visit, "quality"), "verdict"));
    const char *job_state = json_string_value(json_object_get(visit, "state"));
    text_at(to, MARGIN + 60, y, verdict ? verdict : job_state ? job_state : "-");
    if (!compared)
        return;
    print_number(cell, number_of(json_object_get(red, "score")), 1);
    text_right(to, MARGIN + right[1], y, cell);
    pair_text(cell, red, "interval95");
    text_right(to, MARGIN + right[3] - 20, y, cell);
    print_number(cell, number_of(json_object_get(red, "delta_ei")), 1);
    text_right(to, MARGIN + right[3] + 20, y, cell);
    const json_t *grade = json_object_get(red, "grade");
    text_at(to, MARGIN + right[3] + 30, y,
            rubor_report_grade(json_is_integer(grade) ? (int)json_integer_value(grade) : -1));
    print_number(cell, number_of(json_object_get(pigment, "score")), 1);
    text_right(to, MARGIN + right[5] + 20, y, cell);
    pair_text(cell, pigment, "interval95");
    text_right(to, MARGIN + right[6] + 40, y, cell);
    print_number(cell, number_of(json_object_get(pigment, "delta_mi")), 1);
    text_right(to, MARGIN + 505, y, cell);
}

static double table_head(cairo_t *to, double y)
{
    font(to, 8, true);
    text_at(to, MARGIN, y, "photo");
    text_at(to, MARGIN + 60, y, "verdict");
    text_right(to, MARGIN + 150, y, "redness");
    text_right(to, MARGIN + 230, y, "95 %");
    text_right(to, MARGIN + 270, y, "dEI");
    text_at(to, MARGIN + 280, y, "grade");
    text_right(to, MARGIN + 380, y, "pigment");
    text_right(to, MARGIN + 460, y, "95 %");
    text_right(to, MARGIN + 505, y, "dMI");
    font(to, 8, false);
    return y + 12;
}

/* One that says nothing beyond the table's numbers. */
static bool is_routine(const json_t *visit)
{
    const char *verdict = json_string_value(json_object_get(json_object_get(visit, "quality"), "verdict"));
    return verdict && strcmp(verdict, "ok") == 0 && (is_before(visit) || is_measured(visit));
}

/* A new page when less than height is left on this one. */
static double room_for(cairo_t *to, double y, double height)
{
    if (y + height <= PAGE_HEIGHT - MARGIN)
        return y;
    cairo_show_page(to);
    return MARGIN + 12;
}

static const char *what_of(const json_t *visit, const char *view)
{
    const char *what = json_string_value(json_object_get(visit, "what"));
    return is_of_view(visit, view) && !is_routine(visit) && what ? what : "";
}

/* What became of the photos about which there is something to say; days that share a sentence share a line. */
static void draw_sentences(cairo_t *to, double y, const json_t *model, const char *view)
{
    const json_t *days = json_object_get(model, "days");
    for (size_t i = 0; i < json_array_size(days); i++) {
        const char *what = what_of(json_array_get(days, i), view);
        char name[32], line[1600] = "";
        bool told = false;
        for (size_t k = 0; k < i; k++)
            told = told || strcmp(what_of(json_array_get(days, k), view), what) == 0;
        if (!what[0] || told)
            continue;
        for (size_t k = i; k < json_array_size(days); k++) {
            size_t used = strlen(line);
            if (strcmp(what_of(json_array_get(days, k), view), what) != 0)
                continue;
            day_name(name, json_array_get(days, k));
            snprintf(line + used, sizeof line - used, "%s%s", used ? ", " : "", name);
        }
        size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, ": %s", what);
        y = room_for(to, y, 22);
        font(to, 8, false);
        y = paragraph(to, MARGIN, y, PAGE_WIDTH - 2 * MARGIN, 10.5, line) + 2;
    }
}

static void draw_table(cairo_t *to, double y, const json_t *model, const char *view)
{
    const json_t *days = json_object_get(model, "days");
    y = table_head(to, y);
    for (size_t i = 0; i < json_array_size(days); i++) {
        const json_t *visit = json_array_get(days, i);
        if (!is_of_view(visit, view))
            continue;
        if (y > PAGE_HEIGHT - MARGIN)
            y = table_head(to, room_for(to, y, 12));
        table_row(to, y, visit);
        y += 11.5;
    }
    draw_sentences(to, y + 8, model, view);
}

/* The PDF holds the picture as a JPEG rather than as raw pixels. Where that fails it is only larger. */
static void attach_jpeg(cairo_surface_t *surface, const rubor_image_encoded *image)
{
    rubor_buffer jpeg = {0};
    if (rubor_jpeg_encode(&jpeg, image, 85, true, NULL) != RUBOR_OK)
        return;
    if (cairo_surface_set_mime_data(surface, CAIRO_MIME_TYPE_JPEG, jpeg.data, jpeg.size, free, jpeg.data) !=
        CAIRO_STATUS_SUCCESS)
        rubor_buffer_finish(&jpeg);
}

/* A cairo surface of at most side pixels, or NULL: a picture that cannot be decoded is left out. */
static cairo_surface_t *load_picture(const rubor_review_picture *picture, int pixels)
{
    rubor_image_encoded image = {0};
    rubor_decode_options options = {.max_pixels = pixels};
    rubor_error error = {0};
    if (!picture->size ||
        rubor_photo_decode(&image, (rubor_bytes){picture->data, picture->size}, &options, &error) != RUBOR_OK)
        return NULL;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, image.width, image.height);
    if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS) {
        unsigned char *rows = cairo_image_surface_get_data(surface);
        int stride = cairo_image_surface_get_stride(surface);
        for (int y = 0; y < image.height; y++) {
            uint32_t *row = (uint32_t *)(void *)(rows + (size_t)y * (size_t)stride);
            const uint16_t *from = image.rgb + 3 * (size_t)y * (size_t)image.width;
            for (int x = 0; x < image.width; x++, from += 3)
                row[x] = (uint32_t)(from[0] >> 8) << 16 | (uint32_t)(from[1] >> 8) << 8 | (uint32_t)(from[2] >> 8);
        }
        cairo_surface_mark_dirty(surface);
        attach_jpeg(surface, &image);
    }
    rubor_image_encoded_finish(&image);
    return surface;
}

static void draw_photos(cairo_t *to, double y, const json_t *model, const rubor_review_picture *pictures)
{
    enum { COLUMNS = 3 };
    const double width = (PAGE_WIDTH - 2 * MARGIN - 20) / COLUMNS, height = width * 0.75;
    const json_t *days = json_object_get(model, "days");
    size_t column = 0;
    for (size_t i = 0; i < json_array_size(days); i++) {
        const json_t *visit = json_array_get(days, i);
        if (column == COLUMNS) {
            column = 0;
            y += height + 26;
        }
        if (y + height + 20 > PAGE_HEIGHT - MARGIN) {
            cairo_show_page(to);
            y = MARGIN;
        }
        double x = MARGIN + (double)column * (width + 10);
        char name[32], score[32], line[128];
        day_name(name, visit);
        print_number(score, number_of(json_object_get(json_object_get(visit, "redness"), "score")), 1);
        const char *view = json_string_value(json_object_get(visit, "view"));
        snprintf(line, sizeof line, is_measured(visit) ? "%s, %.40s, redness %s" : "%s, %.40s", name, view ? view : "-",
                 score);
        font(to, 8.5, false);
        text_at(to, x, y + height + 11, line);
        cairo_surface_t *surface = pictures ? load_picture(&pictures[i], 300 * 1000) : NULL;
        if (surface && cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS) {
            double w = cairo_image_surface_get_width(surface), h = cairo_image_surface_get_height(surface);
            double scale = fmin(width / w, height / h);
            cairo_save(to);
            cairo_translate(to, x + (width - w * scale) / 2, y + (height - h * scale) / 2);
            cairo_scale(to, scale, scale);
            cairo_set_source_surface(to, surface, 0, 0);
            cairo_paint(to);
            cairo_restore(to);
        } else {
            set_color(to, 0x5c5753);
            text_at(to, x + width / 2 - 22, y + height / 2, "no picture");
        }
        cairo_surface_destroy(surface);
        set_color(to, 0x1d1b1a);
        column++;
    }
}

typedef struct growing {
    rubor_buffer *buffer;
    size_t capacity;
} growing;

static cairo_status_t append(void *closure, const unsigned char *data, unsigned length)
{
    growing *to = closure;
    if (to->buffer->size + length > to->capacity) {
        size_t capacity = 2 * (to->buffer->size + length) + 4096;
        uint8_t *grown = realloc(to->buffer->data, capacity);
        if (!grown)
            return CAIRO_STATUS_NO_MEMORY;
        to->buffer->data = grown;
        to->capacity = capacity;
    }
    memcpy(to->buffer->data + to->buffer->size, data, length);
    to->buffer->size += length;
    return CAIRO_STATUS_SUCCESS;
}

/* The page of numbers of one view. */
static void draw_view(cairo_t *to, const json_t *model, const char *view)
{
    char name[96];
    double y = page_head(to, model);
    font(to, 9, true);
    snprintf(name, sizeof name, "View: %s", view);
    text_at(to, MARGIN, y, name);
    y = summary(to, y + 16, model, view) + 14;
    if (has_curve(model, view)) {
        draw_plot(to, (plot){.x = MARGIN + 20, .y = y, .width = 470, .height = 150}, model, view, true);
        draw_plot(to, (plot){.x = MARGIN + 20, .y = y + 198, .width = 470, .height = 100}, model, view, false);
        y += 328;
    } else {
        text_at(to, MARGIN, y, "No photo of this view has been compared with one before treatment.");
        y += 24;
    }
    draw_table(to, y, model, view);
    cairo_show_page(to);
}

rubor_status rubor_review_pdf(rubor_buffer *out, const json_t *model, const rubor_review_picture *pictures,
                              rubor_error *error)
{
    *out = (rubor_buffer){0};
    growing to_buffer = {out, 0};
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(append, &to_buffer, PAGE_WIDTH, PAGE_HEIGHT);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, "Rubor review");
    cairo_t *to = cairo_create(surface);
    const json_t *days = json_object_get(model, "days");
    const char *drawn_view = NULL;
    for (size_t i = 0; i < json_array_size(days) || i == 0; i++) {
        const char *view = json_string_value(json_object_get(json_array_get(days, i), "view"));
        view = view ? view : "";
        if (drawn_view && strcmp(drawn_view, view) == 0) /* days are sorted by view */
            continue;
        drawn_view = view;
        draw_view(to, model, view);
    }
    draw_photos(to, page_head(to, model), model, pictures);
    cairo_show_page(to);
    cairo_status_t drawn = cairo_status(to);
    cairo_destroy(to);
    cairo_surface_finish(surface);
    if (drawn == CAIRO_STATUS_SUCCESS)
        drawn = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (drawn != CAIRO_STATUS_SUCCESS) {
        rubor_buffer_finish(out);
        return rubor_error_set(error, drawn == CAIRO_STATUS_NO_MEMORY ? RUBOR_NO_MEMORY : RUBOR_INTERNAL,
                               "the PDF could not be drawn: %s", cairo_status_to_string(drawn));
    }
    return RUBOR_OK;
}
