#!/usr/bin/python3
"""What the skin model of the directions (calibration/skin_model.h) leaves of measured skin, and what that is worth.

    skin_rest.py DATA [--write calibration/tables/skin_rest.csv]

DATA holds the reference spectra (data/spectra). The model, OD = a + m melanin + h hemoglobin, is brought to the color of each of the 27 ISSA
records as the analyzer does it; what it leaves of the record's OD, as a straight line in m at each wavelength, is the table. Then melanin and
blood are added to every record and read by cameras under lamps through the analyzer's weights, with the table made without the record's whole
group (origin and sex): without it, the directions of light skin read new melanin as redness."""
import sys

import numpy as np

from blood_shape import ASSUMED_SHARE, AT_580, LAMPS, calibrated, groups, law, shape, slopes, unmixing
from spectra import NM, Data, tone_of

PRIOR_MEAN, PRIOR_SD = np.array([0.20, 0.25, 0.15]), np.array([0.20, 0.40, 0.20])     # calibration/skin_model.c
MEASURED_FROM = 400                                                                   # nm: some records start there


def model(data, weights, color, rest):
    """(a, m, h) and the reflectance of the model that these channels read as color; rest: (mean, per m)."""
    shapes = np.stack([np.ones(len(NM)), law() + rest[1], shape(data, ASSUMED_SHARE)])
    x = PRIOR_MEAN.copy()
    for _ in range(12):
        skin = 10 ** -(x @ shapes + rest[0])
        slope = np.stack([slopes(weights, skin, od) for od in shapes], axis=1)
        off = np.log10((weights @ skin) / color)
        normal = slope.T @ slope / 0.02 ** 2 + np.diag(PRIOR_SD ** -2)
        x = x + np.clip(np.linalg.solve(normal, slope.T @ off / 0.02 ** 2 + (PRIOR_MEAN - x) / PRIOR_SD ** 2), -0.3, 0.3)
    return x, 10 ** -(x @ shapes + rest[0])


NO_REST = np.zeros((2, len(NM)))


def rest_of(found):
    """Mean and slope in m of what the model leaves, from [(m, OD left)]."""
    line = np.stack([np.ones(len(found)), [m for m, _ in found]], axis=1)
    rest = np.linalg.lstsq(line, np.stack([od for _, od in found]), rcond=None)[0]
    return np.where(NM < MEASURED_FROM, rest[:, [np.argmin(abs(NM - MEASURED_FROM))]], rest)


def read(data, observer, weights, skin, od, index, rest):
    """(delta_ei, delta_mi) per unit of a change of this shape, sized to 7 units of index 1 (EI) or 0 (MI)."""
    def seen(w, other):
        return 100 * np.log10((w @ skin) / (w @ other))
    size, wanted = 0.1, 7.0
    for _ in range(12):
        change = seen(observer, skin * 10 ** -(size * od))
        size *= wanted / (change[1] - change[0] if index else change[0])
    other = skin * 10 ** -(size * od)
    middle = model(data, weights, np.sqrt((weights @ skin) * (weights @ other)), rest)[1]
    return unmixing(data, weights, middle) @ seen(weights, other) / wanted


def table(data, observer, group, found):
    melanin = data.melanin / data.melanin[AT_580]
    light = np.array([tone_of(data.ita(skin)) not in ("brown", "dark") for _, skin in data.skins])
    print("| rest | delta_ei of a unit of melanin: mean (sd), very light to tan, brown and dark | delta_mi of it | delta_ei of a unit of blood | "
          "delta_mi of it |\n|---|---|---|---|---|")
    cameras = list(data.cameras.values())
    for name in ("none", "of the other groups", "of all"):
        read_all = []
        for k, lamp in enumerate(LAMPS):
            weights = calibrated(data, cameras[k % len(cameras)], data.lamps[lamp])
            for record, skin in data.skins:
                others = [f for (other, _), f in zip(data.skins, found) if name == "of all" or group[other] != group[record]]
                rest = NO_REST if name == "none" else rest_of(others)
                read_all.append([*read(data, observer, weights, skin, melanin, 0, rest),
                                 *read(data, observer, weights, skin, shape(data, ASSUMED_SHARE), 1, rest)])
        value = np.array(read_all).reshape(len(LAMPS), len(data.skins), 4)
        print("| %s | %.3f (%.3f), %.3f, %.3f | %.3f (%.3f) | %.3f (%.3f) | %.3f (%.3f) |" % (
            name, value[..., 0].mean(), value[..., 0].std(), value[:, light, 0].mean(), value[:, ~light, 0].mean(),
            value[..., 1].mean(), value[..., 1].std(), value[..., 2].mean(), value[..., 2].std(), value[..., 3].mean(), value[..., 3].std()))


def main():
    data = Data(sys.argv[1])
    observer = data.observer / data.observer.sum(axis=1, keepdims=True)
    found = []
    for _, skin in data.skins:
        x, modeled = model(data, observer, observer @ skin, NO_REST)
        found.append((x[1], np.log10(modeled / skin)))
    if len(sys.argv) > 3 and sys.argv[2] == "--write":
        rest = rest_of(found)
        with open(sys.argv[3], "w") as stream:
            stream.write("nm,mean,per_melanin\n")
            for nm in range(380, 731, 10):
                at = np.argmin(abs(NM - max(nm, MEASURED_FROM)))
                stream.write("%d,%.4f,%.4f\n" % (nm, rest[0, at], rest[1, at]))
    table(data, observer, groups(sys.argv[1]), found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
