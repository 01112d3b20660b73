/* Color math on single colors, double precision. Images go through imaging/kernels.h.
 * Sources: IEC 61966-2-1 (sRGB), CIE 15:2018 (XYZ, Lab), Bradford adaptation (Lam 1985, ICC.1),
 * Sharma, Wu, Dalal 2005 (CIEDE2000), Chardon 1991 (ITA). Pure functions. */
#ifndef RUBOR_IMAGING_COLOR_H
#define RUBOR_IMAGING_COLOR_H

typedef struct rubor_lab {
    double L, a, b; /* CIELAB, 2 degree observer */
} rubor_lab;

double rubor_srgb_decode(double encoded);  /* 0..1 -> linear 0..1 */
double rubor_srgb_encode(double linear);   /* 0..1 -> encoded 0..1; clamps */
void rubor_linear_to_xyz(double xyz[3], const double rgb_linear[3]); /* D65, Y of white 1 */
void rubor_xyz_to_linear(double rgb_linear[3], const double xyz[3]);
rubor_lab rubor_xyz_to_lab(const double xyz[3], const double white_xyz[3]);
rubor_lab rubor_linear_to_lab_d65(const double rgb_linear[3]);
/* Bradford-adapted to D50: what chart tables use. */
rubor_lab rubor_linear_to_lab_d50(const double rgb_linear[3]);
void rubor_lab_d50_to_linear(double rgb_linear[3], rubor_lab lab_d50);
double rubor_delta_e2000(rubor_lab one, rubor_lab other);
/* Individual typology angle in degrees, -90..90; NaN when b is 0 and L is 50. */
double rubor_ita(rubor_lab lab_d65);

extern const double rubor_white_d50[3];

#endif
