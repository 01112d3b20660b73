/* libFuzzer target for the CSV reader; built like fuzz_photo.c says. */
#include "imaging/csv.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rubor_csv *csv;
    if (rubor_csv_create(&csv, data, size, NULL))
        return 0;
    for (bool more = true;;) {
        rubor_status status = rubor_csv_next(csv, &more, NULL);
        if (!status && !more)
            break;
        double value;
        for (size_t i = 0; more && i < rubor_csv_column_count(csv); i++)
            rubor_csv_number(&value, csv, (int)i, NULL);
    }
    rubor_csv_destroy(&csv);
    return 0;
}
