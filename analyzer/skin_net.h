/* Private to skin*.c: a small network that tells skin from other things by color, shape and surroundings
 * together. 204 thousand weights, trained by analyzer/skin_net.py. */
#ifndef RUBOR_ANALYZER_SKIN_NET_H
#define RUBOR_ANALYZER_SKIN_NET_H

#include "analyzer/skin_internal.h"

/* logits: log-odds of skin (natural log) at the size of the field, initialized by the call. Reads
 * field->linear only; calibrated photos, with a chart, are looked at for what is near. The same bits on every
 * CPU. */
rubor_status rubor_skin_net(rubor_plane *logits, const rubor_skin_field *field, bool calibrated,
                            rubor_error *error);

/* Weights of one output after the other, as whole numbers; scale and bias of each output. In the order in
 * which the network uses them (skin_net.c). */
extern const signed char rubor_skin_net_weights[];
extern const float rubor_skin_net_scales[], rubor_skin_net_biases[];

#endif
