#!/usr/bin/python3
"""How differently melanin changes the skin of measured people, and what that does to a measured change.

    melanin_shape.py DATA

DATA holds the reference spectra (data/spectra). Pairs of a darker and a paler record out of one group of ISSA that differ mainly in melanin
are taken apart, as blood_shape.py does it, into a common offset, melanin's law and two shapes of blood; what offset and blood leave is this
pair's melanin. Light that returns before it has met the melanin (surface, topmost layers) hides more of dark skin, and how much it is is not
known: each pair is given the share of SURFACES that leaves least of it, so that it does not pass for melanin's shape. Cameras and lamps read
it with the weights of the analyzer: how much of a unit of MI is gained, and how much redness it seems to be. Pairs count by the square of
their melanin."""
import itertools
import sys

import numpy as np

from blood_shape import LAMPS, SEEN, calibrated, groups, law, shape, slopes, unmixing
from spectra import NM, SURFACE, Data

LEAST_MELANIN, MOST_BLOOD = 0.10, 0.7              # OD at 550 nm; share of it
SURFACES = np.arange(0.028, 0.0621, 0.002)         # shares of white; the first is a smooth surface with a refractive index of 1.40


def apart(darker, paler, parts):
    """(amounts of the parts, what offset and blood leave of one unit, root mean square of what all leave of it)."""
    change = np.log10(paler / darker)
    x = np.linalg.lstsq(parts[SEEN], change[SEEN], rcond=None)[0]
    left = (change - parts @ x) / x[1]
    return x, left + parts[:, 1], np.sqrt((left[SEEN] ** 2).mean())


def measured_pairs(data, group):
    """(melanin, surface, shape of a unit at 550 nm, names, skin half way) of every pair that differs mainly in melanin."""
    parts = np.stack([np.ones(len(NM)), law(), shape(data, 0), shape(data, 1)], axis=1)
    found = []
    for (one, a), (other, b) in itertools.combinations(data.skins, 2):
        if group[one] != group[other]:
            continue
        if apart(a, b, parts)[0][1] < 0:
            one, a, other, b = other, b, one, a
        x = apart(a, b, parts)[0]
        if x[1] < LEAST_MELANIN or abs(x[2] + x[3]) > MOST_BLOOD * x[1]:
            continue
        lit = [(s, a - (s - SURFACE), b - (s - SURFACE)) for s in SURFACES]
        lit = [(s, c, d) for s, c, d in lit if min(c.min(), d.min()) > 0.002]
        surface, c, d = min(lit, key=lambda at: apart(*at[1:], parts)[2])
        x, unit, _ = apart(c, d, parts)
        found.append((x[1], surface, unit, (one, other), np.sqrt(c * d)))
    return found


def read(data, skin, od):
    """[camera and lamp]: error of a unit of MI, redness that it seems to be; and of the channels."""
    observer = data.observer / data.observer.sum(axis=1, keepdims=True)
    found = []
    for camera in data.cameras.values():
        for lamp in LAMPS:
            weights = calibrated(data, camera, data.lamps[lamp])
            assumed, other = (slopes(weights, skin, m) / slopes(observer, skin, m)[0] for m in (law(), od))
            ei, mi = unmixing(data, weights, skin) @ (other - assumed)
            found.append([mi, ei, *(other - assumed)])
    return np.array(found)


def main():
    data = Data(sys.argv[1])
    pairs = measured_pairs(data, groups(sys.argv[1]))
    count = np.array([melanin ** 2 for melanin, *_ in pairs])
    count /= count.sum()
    print("| records, darker and paler | melanin, OD at 550 nm | surface | delta_mi of a unit off by | delta_ei of it | red | green | blue |\n" + "|---" * 8 + "|")
    values = np.array([read(data, skin, od) for _, _, od, _, skin in pairs])
    for (melanin, surface, _, names, _), value in zip(pairs, values):
        print("| %s, %s | %.2f | %.3f | %s |" % (*names, melanin, surface, " | ".join("%.3f" % v for v in value.mean(axis=0))))
    print("%d pairs, mean: %s; root mean square: %s" % (len(pairs), (count @ values.mean(axis=1)).round(3), np.sqrt(count @ (values ** 2).mean(axis=1)).round(3)))
    channel = values[:, :, 2:]
    print("covariance of red, green and blue:\n%s" % (np.einsum("pni,pnj,p->ij", channel, channel, count) / channel.shape[1]).round(5))


if __name__ == "__main__":
    main()
