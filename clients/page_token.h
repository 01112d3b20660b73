/* The token of the page that `rubor up` runs: made once and kept beside the store in a file only its owner
 * may read, so that a page that was started again still takes it and the log need not hold it. */
#ifndef RUBOR_CLIENTS_PAGE_TOKEN_H
#define RUBOR_CLIENTS_PAGE_TOKEN_H

#include "imaging/status.h"

#include <stddef.h>

enum { RUBOR_PAGE_TOKEN_SIZE = 65 };

/* Makes FOLDER/page.tokens (a token file of clients/serve_access.h: administrator "local") unless it is
 * there, and gives its path and token. RUBOR_IO, RUBOR_CORRUPT (a file of that name without such a line). */
rubor_status rubor_page_token(char *path, size_t path_size, char token[RUBOR_PAGE_TOKEN_SIZE],
                              const char *folder, rubor_error *error);

#endif
