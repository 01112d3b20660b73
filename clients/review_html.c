#include "clients/review_html.h"

#include "clients/web_assets.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *rubor_data_uri(const char *type, const void *data, size_t size)
{
    size_t head = strlen("data:;base64,") + strlen(type);
    size_t text = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL);
    char *uri = malloc(head + text);
    if (!uri)
        return NULL;
    snprintf(uri, head + 1, "data:%s;base64,", type);
    sodium_bin2base64(uri + head, text, data, size, sodium_base64_VARIANT_ORIGINAL);
    return uri;
}

/* Inside <script> the text must not hold "</script" or "<!--": JSON may write '<' as an escape instead. */
static void write_json_in_script(FILE *to, const char *json)
{
    for (const char *c = json; *c; c++) {
        if (*c == '<')
            fputs("\\u003c", to);
        else
            fputc(*c, to);
    }
}

static void write_page(FILE *to, const char *json)
{
    /* Nothing may be fetched, and only what is in this file runs. */
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
          "<meta name=\"robots\" content=\"noindex\">\n<title>Rubor review</title>\n<style>\n",
          to);
    fwrite(rubor_web_review_css, 1, rubor_web_review_css_size, to);
    fputs("</style>\n</head>\n<body>\n<main id=\"review\"><p>This review needs a browser with scripts "
          "enabled.</p></main>\n<script id=\"model\" type=\"application/json\">",
          to);
    write_json_in_script(to, json);
    fputs("</script>\n<script>\n", to);
    fwrite(rubor_web_chart_js, 1, rubor_web_chart_js_size, to);
    fputs("\n</script>\n<script>\n", to);
    fwrite(rubor_web_dom_js, 1, rubor_web_dom_js_size, to);
    fputs("\n</script>\n<script>\n", to);
    fwrite(rubor_web_review_js, 1, rubor_web_review_js_size, to);
    fputs("\nruborReview(document.getElementById(\"review\"), "
          "JSON.parse(document.getElementById(\"model\").textContent));\n"
          "</script>\n</body>\n</html>\n",
          to);
}

rubor_status rubor_review_html(rubor_buffer *out, const json_t *model, rubor_error *error)
{
    *out = (rubor_buffer){0};
    rubor_status status = RUBOR_NO_MEMORY;
    char *json = json_dumps(model, JSON_COMPACT | JSON_ENSURE_ASCII);
    char *text = NULL;
    size_t size = 0;
    FILE *to = json ? open_memstream(&text, &size) : NULL;
    if (!to)
        goto out;
    write_page(to, json);
    bool failed = ferror(to) != 0;
    if (fclose(to) != 0 || failed) {
        free(text);
        goto out;
    }
    *out = (rubor_buffer){(uint8_t *)text, size};
    status = RUBOR_OK;
out:
    free(json);
    return status == RUBOR_OK ? RUBOR_OK : rubor_error_set(error, status, "no memory for the review page");
}
