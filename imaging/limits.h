/* Every ceiling on input in one table. Checked before anything is allocated from a declared size.
 * Sources: what other decoders allow and what hostile files cost, docs/MEASUREMENT.md "Limits". */
#ifndef RUBOR_IMAGING_LIMITS_H
#define RUBOR_IMAGING_LIMITS_H

enum {
    RUBOR_LIMIT_PHOTO_BYTES = 64 * 1024 * 1024, /* one encoded file */
    RUBOR_LIMIT_PHOTO_PIXELS = 100 * 1000 * 1000,
    RUBOR_LIMIT_PHOTO_SIDE_PX = 20000,
    RUBOR_LIMIT_PHOTO_MIN_SIDE_PX = 16,
    RUBOR_LIMIT_JPEG_SCANS = 100,
    RUBOR_LIMIT_PNG_CHUNK_BYTES = 8 * 1024 * 1024,
    RUBOR_LIMIT_PNG_CHUNKS = 1000,
    RUBOR_LIMIT_ICC_BYTES = 4 * 1024 * 1024,
    RUBOR_LIMIT_DECODER_BYTES = 256 * 1024 * 1024, /* libjpeg's max_memory_to_use */
    RUBOR_LIMIT_POLYGON_POINTS = 256,
    RUBOR_LIMIT_CSV_LINE_BYTES = 64 * 1024,
    RUBOR_WORKING_PIXELS = 2 * 1000 * 1000 /* default working size: about 0.1 mm a pixel for a face */
};

#endif
