/* Every number of a record as columns of CSV, driven by the field table: "redness.score", and for lists by
 * place, "redness.interval95.0", "calibration.chart.corners_px.2.x". A null is an empty field. */
#ifndef RUBOR_CLIENTS_RECORD_CSV_H
#define RUBOR_CLIENTS_RECORD_CSV_H

#include "analyzer/record.h"
#include "clients/text_buffer.h"

/* Both begin each field with a comma and end without a line end. */
void rubor_record_csv_names(rubor_text *out);
/* record NULL: as many empty fields. */
void rubor_record_csv_values(rubor_text *out, const rubor_record *record);

#endif
