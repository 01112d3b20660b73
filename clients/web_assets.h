/* Files of clients/web/ and the chart library, embedded at build time (cmake/Embed.cmake). NUL-terminated; _size
 * does not count the NUL. Immutable. */
#ifndef RUBOR_CLIENTS_WEB_ASSETS_H
#define RUBOR_CLIENTS_WEB_ASSETS_H

#include <stddef.h>

extern const unsigned char rubor_web_chart_js[]; /* Chart.js, MIT, Debian package libjs-chart.js */
extern const size_t rubor_web_chart_js_size;
extern const unsigned char rubor_web_dom_js[];
extern const size_t rubor_web_dom_js_size;
extern const unsigned char rubor_web_review_js[];
extern const size_t rubor_web_review_js_size;
extern const unsigned char rubor_web_review_css[];
extern const size_t rubor_web_review_css_size;
extern const unsigned char rubor_web_page_html[];
extern const size_t rubor_web_page_html_size;
extern const unsigned char rubor_web_page_js[]; /* all scripts of the page: dom, review, region, capture, page */
extern const size_t rubor_web_page_js_size;

#endif
