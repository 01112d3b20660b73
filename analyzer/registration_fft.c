#include "analyzer/registration_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { FFT_MAX = 512 };

/* cos and sin of 2 pi k / n for k < n / 2 from square roots alone: libm's sine differs from CPU to CPU. */
static void make_twiddles(double *cosine, double *sine, int n)
{
    cosine[0] = 1;
    sine[0] = 0;
    /* Known points at multiples of step; the middle of two neighbors by the half-angle of their distance. */
    double c = 0, s = 1; /* of a quarter turn */
    if (n >= 4) {
        cosine[n / 4] = 0;
        sine[n / 4] = 1;
    }
    for (int step = n / 4; step > 1; step /= 2) {
        s = sqrt((1 - c) / 2);
        c = sqrt((1 + c) / 2);
        for (int k = 0; k < n / 2; k += step) {
            cosine[k + step / 2] = cosine[k] * c - sine[k] * s;
            sine[k + step / 2] = sine[k] * c + cosine[k] * s;
        }
    }
}

static void reorder(float *row, int n)
{
    for (int i = 1, j = 0; i < n; i++) {
        int bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        if (i < j) {
            float re = row[2 * i], im = row[2 * i + 1];
            row[2 * i] = row[2 * j];
            row[2 * i + 1] = row[2 * j + 1];
            row[2 * j] = re;
            row[2 * j + 1] = im;
        }
    }
}

static void transform_row(float *row, int n, const float *cosine, const float *sine)
{
    reorder(row, n);
    for (int size = 2; size <= n; size *= 2) {
        int half = size / 2, stride = n / size;
        for (int start = 0; start < n; start += size)
            for (int k = 0; k < half; k++) {
                float *a = row + 2 * (start + k), *b = a + 2 * half;
                float c = cosine[k * stride], s = sine[k * stride];
                float re = b[0] * c - b[1] * s, im = b[0] * s + b[1] * c;
                b[0] = a[0] - re;
                b[1] = a[1] - im;
                a[0] += re;
                a[1] += im;
            }
    }
}

static void transpose(float *data, int n)
{
    for (int y = 0; y < n; y++)
        for (int x = y + 1; x < n; x++) {
            float *a = data + 2 * (y * n + x), *b = data + 2 * (x * n + y);
            float re = a[0], im = a[1];
            a[0] = b[0];
            a[1] = b[1];
            b[0] = re;
            b[1] = im;
        }
}

void rubor_fft_square(float *data, int n, bool inverse)
{
    assert(n >= 4 && n <= FFT_MAX && (n & (n - 1)) == 0);
    double wide[FFT_MAX];
    float narrow[FFT_MAX];
    make_twiddles(wide, wide + n / 2, n);
    for (int k = 0; k < n / 2; k++) {
        narrow[k] = (float)wide[k];
        narrow[n / 2 + k] = (float)(inverse ? wide[n / 2 + k] : -wide[n / 2 + k]);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < n; y++)
            transform_row(data + 2 * (size_t)y * (size_t)n, n, narrow, narrow + n / 2);
        transpose(data, n);
    }
}
