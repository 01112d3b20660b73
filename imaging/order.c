#include "imaging/order.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int rubor_compare_floats(const void *one, const void *other)
{
    float a = *(const float *)one, b = *(const float *)other;
    return (a > b) - (a < b);
}

int rubor_compare_doubles(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* A number whose order as an unsigned integer is that of the float. */
static uint32_t key_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
}

static float value_of(uint32_t key)
{
    uint32_t bits = key ^ (key >> 31 ? 0x80000000u : 0xffffffffu);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* From the highest digit of the keys down: how many keys have each digit says which one the sought key has. */
float rubor_float_of_rank(const float *values, size_t count, size_t rank)
{
    enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };
    static const int shifts[] = {21, 10, 0}; /* the last digit has 10 bits */
    assert(rank < count);
    uint32_t known = 0, mask = 0; /* of the sought key */
    for (size_t pass = 0; pass < sizeof shifts / sizeof shifts[0]; pass++) {
        size_t with[DIGITS] = {0};
        uint32_t digit = 0, digits = pass == 2 ? DIGITS / 2 : DIGITS;
        for (size_t i = 0; i < count; i++) {
            uint32_t key = key_of(values[i]);
            if ((key & mask) == known)
                with[key >> shifts[pass] & (digits - 1)]++;
        }
        while (rank >= with[digit])
            rank -= with[digit++];
        known |= digit << shifts[pass];
        mask |= (digits - 1) << shifts[pass];
    }
    return value_of(known);
}
