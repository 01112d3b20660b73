/* The result record: what Rubor says about one photo. Same keys in JSON and msgpack (docs/MEASUREMENT.md,
 * the contract). A plain value: copy freely, nothing to free.
 *
 * Null rule: a number that could not be measured is NaN (RUBOR_NULL), a count or flag that could not be is -1,
 * a text that could not be is "". They are written as null, never as 0 and never as a guess.
 *
 * The table behind rubor_record_fields() drives every reader and writer (JSON, msgpack, CSV): a new key is added in
 * record.h and record_fields.c and nowhere else. */
#ifndef RUBOR_ANALYZER_RECORD_H
#define RUBOR_ANALYZER_RECORD_H

#include "imaging/image.h"

#include <math.h>

#define RUBOR_NULL ((double)NAN)
enum {
    RUBOR_RECORD_SCHEMA = 1,
    RUBOR_CODE_SIZE = 32,
    RUBOR_SENTENCE_SIZE = 192,
    RUBOR_RECORD_REASONS = 16,
    RUBOR_RECORD_FLAGS = 16,
    RUBOR_RECORD_DOUBTS = 16,
    RUBOR_RECORD_CLIPPED = 24
};
#define RUBOR_ALGORITHM "2026.11.6" /* changes whenever a score may change */

typedef struct rubor_reason {
    char code[RUBOR_CODE_SIZE];
    char message[RUBOR_SENTENCE_SIZE]; /* one sentence a camera operator can act on */
} rubor_reason;

typedef struct rubor_doubt {
    char source[RUBOR_CODE_SIZE]; /* "gain", "chart_residual", "glare", "registration", "noise", "shape", ... */
    double delta_ei_sd;           /* contribution to the standard uncertainty of delta_ei */
} rubor_doubt;

typedef struct rubor_score {
    double score, interval95[2];
    double delta, delta_interval95[2]; /* delta_ei for redness, delta_mi for pigmentation */
    double delta_raw;                  /* redness only: delta_ei_raw */
    double area_percent, area_cm2;
    int changed;                       /* 0, 1; -1 null */
    double mdc;                        /* in the unit of delta */
    int grade;                         /* redness only: 0..4; -1 null */
} rubor_score;

typedef struct rubor_record {
    int64_t schema;
    struct {
        char version[RUBOR_CODE_SIZE], algorithm[RUBOR_CODE_SIZE];
    } rubor;
    struct {
        char digest[65], format[8];
        int64_t width, height, working_width, working_height, orientation;
        char icc[64], captured_at[32];
    } photo;
    struct {
        char verdict[8]; /* ok, warn, retake */
        int reason_count;
        rubor_reason reasons[RUBOR_RECORD_REASONS];
        double sharpness, clipped_percent;
    } quality;
    struct {
        char status[8]; /* chart, profile, none */
        bool chart_present;
        struct {
            char type[32], edition[16];
            double confidence;
            double corners_px[8]; /* x0,y0 .. x3,y3 */
            int clipped_count;
            char clipped_patches[RUBOR_RECORD_CLIPPED][32];
            struct {
                double uncorrected, fit_mean, fit_max, loo_mean;
            } delta_e2000;
        } chart;
        double glare_percent;
        struct {
            double hemoglobin, melanin;
        } gain;
        double mm_per_px;
    } calibration;
    struct {
        double area_percent, area_cm2, ita;
        char tone[16];
        double lab[3]; /* D65, 2 degree */
    } skin;
    char reference[16]; /* baseline, within_frame */
    struct {
        char source[16], control[16];
    } region;
    bool registration_present;
    struct {
        char model[24];
        double residual_px, overlap_percent;
    } registration;
    rubor_score redness, pigmentation;
    struct {
        int64_t pinpoint_count; /* -1 null */
        double crust_percent, bruise_percent, shine_percent;
    } findings;
    int flag_count;
    char flags[RUBOR_RECORD_FLAGS][RUBOR_CODE_SIZE];
    int doubt_count; /* largest first */
    rubor_doubt doubts[RUBOR_RECORD_DOUBTS];
    struct {
        double decode, calibrate, register_, analyze, total;
    } timing_ms;
} rubor_record;

/* Everything null or empty, schema, version and algorithm set. */
void rubor_record_init(rubor_record *record);
/* Adds a reason once (same code: the first stays). verdict only ever gets worse: ok < warn < retake. */
void rubor_record_reason(rubor_record *record, const char *verdict, const char *code, const char *message);
void rubor_record_flag(rubor_record *record, const char *code);
bool rubor_record_has_flag(const rubor_record *record, const char *code);

/* ---- the field table ---- */
typedef enum rubor_field_kind {
    RUBOR_FIELD_NUMBER,  /* double, NaN = null */
    RUBOR_FIELD_INTEGER, /* int64_t, -1 = null */
    RUBOR_FIELD_INT,     /* int, -1 = null */
    RUBOR_FIELD_BOOL,    /* int, -1 = null, 0, 1 */
    RUBOR_FIELD_TEXT,    /* char[size], "" = null */
    RUBOR_FIELD_NUMBERS, /* double[count]; null as a whole when the first is NaN */
    RUBOR_FIELD_POINTS,  /* double[2 * count] as [[x,y] x count] */
    RUBOR_FIELD_TEXTS,   /* int count at count_offset, char[][size] */
    RUBOR_FIELD_REASONS, /* int count at count_offset, rubor_reason[]: [{code, message}] */
    RUBOR_FIELD_DOUBTS,  /* int count at count_offset, rubor_doubt[]: [{source, delta_ei_sd}] */
    RUBOR_FIELD_OPEN,    /* begins a nested map */
    RUBOR_FIELD_OPEN_OPTIONAL, /* likewise; bool at offset: false = null */
    RUBOR_FIELD_CLOSE
} rubor_field_kind;

typedef struct rubor_field {
    rubor_field_kind kind;
    const char *key;     /* NULL for CLOSE */
    size_t offset;       /* into rubor_record */
    size_t count;        /* NUMBERS, POINTS: elements; TEXT, TEXTS: bytes of one text */
    size_t count_offset; /* TEXTS, REASONS, DOUBTS */
    size_t capacity;     /* TEXTS, REASONS, DOUBTS: elements that fit */
    int decimals;        /* NUMBER(S): digits after the point in printed JSON and CSV */
} rubor_field;

/* In writing order, OPEN/CLOSE balanced; *count gets the number of rows. Immutable. */
const rubor_field *rubor_record_fields(size_t *count);

#endif
