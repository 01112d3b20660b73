/* The review of one treatment to hand over: CSV, FHIR R4 and PDF, all from the model that `rubor review --json`
 * prints. No GPS, serial number or name is in the model, so none leaves. Reentrant.
 * *out is malloc'ed; finish with rubor_buffer_finish. Errors: RUBOR_NO_MEMORY, RUBOR_INTERNAL. */
#ifndef RUBOR_CLIENTS_REVIEW_EXPORT_H
#define RUBOR_CLIENTS_REVIEW_EXPORT_H

#include "imaging/encode.h"

#include <jansson.h>

/* RFC 4180, LF, one row per photo: patient, session, view, phase, day, job, photo, reference, verdict, then each number of
 * redness, pigmentation and findings under dotted names, then the flags, in_curve and what became of the photo. Text that a spreadsheet would run as a formula
 * is preceded by an apostrophe. */
rubor_status rubor_review_csv(rubor_buffer *out, const json_t *model, rubor_error *error);

/* FHIR R4 (4.0.1) Bundle of type collection: Device, one Media per photo, one Observation per score and photo with its
 * components and intervals. A number that could not be measured, or is not in the curve, carries a dataAbsentReason, and a
 * note says what became of the photo. */
rubor_status rubor_review_fhir(rubor_buffer *out, const json_t *model, rubor_error *error);

/* A picture of one photo for the PDF: borrowed JPEG or PNG bytes; size 0 where there is none. */
typedef struct rubor_review_picture {
    const uint8_t *data;
    size_t size;
} rubor_review_picture;

/* Two or more A4 pages: summary, curves, table and what became of the photos for each view; then the photos in order. pictures: one per member of days, or
 * NULL. Source of the drawing: cairo. */
rubor_status rubor_review_pdf(rubor_buffer *out, const json_t *model, const rubor_review_picture *pictures,
                              rubor_error *error);

#endif
