/* How sure the numbers are: every source of doubt as a standard uncertainty (docs/MEASUREMENT.md
 * "Uncertainty"). Internal; pure functions; reentrant. */
#ifndef RUBOR_ANALYZER_UNCERTAINTY_H
#define RUBOR_ANALYZER_UNCERTAINTY_H

#include "analyzer/change.h"
#include "analyzer/record.h"

#define RUBOR_Z95 1.960
#define RUBOR_Z995 2.807 /* two-sided 99.5 % */

typedef struct rubor_uncertainty {
    /* what is there without any change, in delta_ei and delta_mi */
    double zero_ei, zero_mi;
    /* the same for the decision whether something changed, whose tail is heavier */
    double decision_ei, decision_mi;
    /* spread of the change averaged over the scores' square, where nothing changed */
    double block_ei, block_mi;
    /* what grows with the change: relative to the own delta */
    double gain_ei, gain_mi;
    /* per unit of the other delta */
    double leak_ei, leak_mi;
    /* what the glare's doubt does to this change */
    double veil_ei, veil_mi;
    /* what a bruise too faint to be found may have done to it */
    double bruise_ei, bruise_mi;
    int doubt_count;
    rubor_doubt doubts[RUBOR_RECORD_DOUBTS]; /* largest first, in delta_ei */
} rubor_uncertainty;

/* shine_percent: of the region, may be NaN. delta_ei, delta_mi: means over the region, for the doubts that
 * grow with them. */
void rubor_uncertainty_find(rubor_uncertainty *out, const rubor_change *change, const rubor_frame *visit,
                            const rubor_frame *baseline, const rubor_registration *registration,
                            double shine_percent, double delta_ei, double delta_mi);

/* Doubt about how blood and melanin change this person's skin, through a row of the unmixing: standard
 * deviation per unit of delta_ei and of delta_mi. */
void rubor_uncertainty_slopes(double *per_ei, double *per_mi, const rubor_change *change, const double row[3]);

double rubor_uncertainty_ei(const rubor_uncertainty *uncertainty, double delta_ei, double delta_mi);
double rubor_uncertainty_mi(const rubor_uncertainty *uncertainty, double delta_ei, double delta_mi);

#endif
