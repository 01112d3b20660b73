#include "imaging/number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static locale_t c_locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static size_t count_digits(const char *text)
{
    size_t n = 0;
    while (text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

static size_t count_sign(const char *text)
{
    return text[0] == '+' || text[0] == '-' ? 1 : 0;
}

/* The grammar is checked first: strtod alone would also take "inf", "0x1p3" and leading spaces. */
size_t rubor_number_parse(double *out, const char *text)
{
    size_t i = count_sign(text), whole = count_digits(text + i), fraction = 0;
    i += whole;
    if (text[i] == '.') {
        fraction = count_digits(text + i + 1);
        i += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    if (text[i] == 'e' || text[i] == 'E') {
        size_t mark = i + 1 + count_sign(text + i + 1), digits = count_digits(text + mark);
        if (digits)
            i = mark + digits;
    }
    pthread_once(&once, make_locale);
    char *end = NULL;
    double value = c_locale ? strtod_l(text, &end, c_locale) : strtod(text, &end);
    if (end != text + i || !(fabs(value) <= 1e300))
        return 0;
    *out = value;
    return i;
}

double rubor_number_round(double value, int decimals)
{
    double scale = 1;
    for (int i = 0; i < decimals; i++)
        scale *= 10;
    double rounded = round(value * scale) / scale;
    return isfinite(rounded) ? rounded + 0.0 : value;
}
