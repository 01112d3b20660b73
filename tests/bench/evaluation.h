/* Rendered pairs with known truth through rubor_analyze, and the tables of what came out per tone class.
 * Shared by the bench (evaluate) and the small check in the suite. */
#ifndef RUBOR_TESTS_EVALUATION_H
#define RUBOR_TESTS_EVALUATION_H

#include "analyzer/analyze.h"
#include "samples/sample.h"

#include <stdio.h>

/* the six kinds of the standard table, and all */
enum { EVALUATION_TONES = 6, EVALUATION_KINDS = 6, EVALUATION_ALL_KINDS = 18 };

typedef enum evaluation_kind {
    EVALUATION_NONE,    /* no change */
    EVALUATION_RED,     /* redness, delta_ei 8 to 25 */
    EVALUATION_RED_5,   /* redness, delta_ei 5 */
    EVALUATION_PIGMENT, /* pigment, delta_mi 7 to 20 */
    EVALUATION_BOTH,    /* both */
    EVALUATION_COURSE,  /* a day of the normal course, with findings */
    /* --also */
    EVALUATION_BRUISE,  /* days 0 to 7 of the course with a bruise */
    EVALUATION_SUNBURN, /* days 1 to 4 */
    EVALUATION_MAKEUP,  /* days 3 to 7 */
    EVALUATION_LAMP,    /* from here on redness 4 to 20, pigment 0 or 5 to 12. The visit under another lamp */
    EVALUATION_MIX,     /* the visit under the same lamp and another, half and half */
    EVALUATION_NO_CHART, /* in neither photo */
    EVALUATION_FOUND,    /* a region is given, the control skin is not */
    EVALUATION_UNGUIDED, /* neither is given: all skin against the chart alone */
    EVALUATION_GIVEN,    /* both drawn on the visit itself */
    EVALUATION_FACE,     /* beard, lips, brow, nostrils, hair, cast shadow */
    EVALUATION_OBJECT,   /* jewelry, tattoo or plaster on both photos */
    EVALUATION_PUT_ON    /* the same on the visit only */
} evaluation_kind;

typedef struct evaluation_plan {
    uint64_t seed;
    int tone;
    evaluation_kind kind;
    const char *camera, *lamp; /* NULL: drawn from the seed */
    int width, height;
    const char *keep; /* folder that gets SEED_before.jpg and SEED_after.jpg, or NULL */
} evaluation_plan;

typedef struct evaluation_result {
    evaluation_plan plan;
    rubor_sample_truth truth;
    bool done;
    char failure[160];
    rubor_record record;                          /* region and control given */
    rubor_record unguided;                        /* neither given: masks */
    double erythema_dice, pigment_dice, skin_iou; /* unguided; NaN where the truth is empty */
    double marked_percent;                        /* of the skin, either mask, unguided */
    /* of the region: covered by something that is not skin (truth); of that: taken for skin, marked */
    double cover_percent, cover_skin_percent, cover_marked_percent;
} evaluation_result;

extern const char *const evaluation_kind_names[EVALUATION_ALL_KINDS];

/* Pair number index of a run: tones and kinds in turn, seeds from first_seed. */
evaluation_plan evaluation_plan_make(int index, uint64_t first_seed, int width, int height);
/* Likewise of the kinds beyond the standard table. */
evaluation_plan evaluation_plan_make_also(int index, uint64_t first_seed, int width, int height);
void evaluation_run(evaluation_result *out, const evaluation_plan *plan);

typedef struct evaluation_summary {
    int count;
    double ei_ratio, ei_ratio_sd, mi_ratio, mi_ratio_sd;
    double erythema_dice, erythema_dice_5, pigment_dice, skin_iou;
    double false_marked;          /* % of the skin, on pairs without change */
    int false_changed, unchanged; /* pairs called changed, of pairs without change */
    int without_number;
    double cross_ei, cross_ei_max, cross_mi, cross_mi_max;
    double cover_ei, cover_mi, cover_red_score, cover_pig_score; /* % */
    double mdc_ei, mdc_mi;
    double pinpoint_ratio, crust_ratio;
    double z_ei[EVALUATION_ALL_KINDS], z_mi[EVALUATION_ALL_KINDS]; /* rms of error / standard uncertainty */
    double retake;                                                 /* % of all photos */
} evaluation_summary;

/* tone -1: all. */
void evaluation_summarize(evaluation_summary *out, const evaluation_result *results, int count, int tone);
/* Markdown, as in docs/MEASUREMENT.md "Evaluation on rendered pairs". */
void evaluation_print(FILE *out, const evaluation_result *results, int count);
/* A row for each kind: errors, coverage, masks, reasons and flags. */
void evaluation_print_kinds(FILE *out, const evaluation_result *results, int count);
/* Names the pairs that gave no record; returns how many. */
int evaluation_failures(FILE *out, const evaluation_result *results, int count);

#endif
