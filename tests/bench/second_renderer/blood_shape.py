#!/usr/bin/python3
"""How differently blood changes the skin of measured people, and what that does to a measured change.

    blood_shape.py DATA [--spread FILE]

DATA holds the reference spectra (data/spectra). Pairs of a redder and a paler site out of one group of ISSA records are taken apart into a
common offset, melanin, the measured shape of a hemoglobin change and a power of oxygenated blood; what offset and melanin leave is this
pair's shape. Cameras and lamps read it with the weights of the analyzer: how much of a unit of EI is gained, and how much melanin it
seems to be. Pairs count by the square of their redness, as the error of their shape falls with it. --spread writes the principal
components of the pairs' deviations from the assumed shape (calibration/tables/hemoglobin_change_spread.csv)."""
import argparse
import csv
import itertools
import os

import numpy as np

from spectra import MEASURED_H, NM, Data

ASSUMED_SHARE, POWER = 0.25, 0.38                  # docs/MEASUREMENT.md "Spectral gain"
LEAST_REDNESS, MOST_MELANIN = 0.15, 0.7            # OD at 580 nm; share of it
LAMPS = ("A", "D50", "D55", "D65", "FL7", "FL11", "LED-B3", "LED-B4", "LED-B5")
CENTERS = np.array([605.0, 545.0, 465.0])          # nm: the channels' centers of gravity on skin
EI, MI = np.array([-1, 1, 0]), np.array([1, 0, 0])
TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "calibration", "tables")
SEEN = NM >= 400                                   # some records start there
SPREAD_SKIN, COMPONENTS = "9112", 3                # a tan skin; on a very light and a dark one they are the same within a tenth
AT_580 = np.argmin(abs(NM - 580))


def groups(directory):
    with open(os.path.join(directory, "spectra", "skin_issa_subset.csv"), newline="") as stream:
        return {row["issa_record"]: row["origin"] + row["sex"] for row in csv.DictReader(stream)}


def shape(data, share):
    power = (data.oxygenated / data.oxygenated[AT_580]) ** POWER
    return (1 - share) * np.interp(NM, *MEASURED_H) + share * power


def measured_pairs(data, group):
    """(redness, share of the power, shape of a unit at 580 nm, names) of every pair that differs mainly in blood."""
    melanin = law()
    parts = np.stack([np.ones(len(NM)), melanin, shape(data, 0), shape(data, 1)], axis=1)
    found = []
    for (one, a), (other, b) in itertools.combinations(data.skins, 2):
        if group[one] != group[other]:
            continue
        change = np.log10(a / b)
        x = np.linalg.lstsq(parts[SEEN], change[SEEN], rcond=None)[0]
        sign = 1 if x[2] + x[3] > 0 else -1
        x, change = sign * x, sign * change
        redness = x[2] + x[3]
        if redness >= LEAST_REDNESS and abs(x[1]) <= MOST_MELANIN * redness:
            found.append((redness, x[3] / redness, (change - x[0] - x[1] * melanin) / redness, (one, other)))
    return found


def slopes(weights, skin, od):
    return (weights * skin) @ od / (weights @ skin)


def law():
    """Melanin's OD, 1 at 550 nm."""
    return (NM / 550.0) ** -3.33


def blood_components():
    """How a unit of hemoglobin differs between people (calibration/tables), on NM."""
    with open(os.path.join(TABLES, "hemoglobin_change_spread.csv"), newline="") as stream:
        table = np.array([[float(x) for x in row] for row in list(csv.reader(stream))[1:]])
    return [np.interp(NM, table[:, 0], column) for column in table.T[1:]]


def unmixing(data, weights, skin):
    """The analyzer's weights (calibration/directions.c, analyzer/change_unmix.c) for a well-lit photo."""
    observer = data.observer / data.observer.sum(axis=1, keepdims=True)

    def unit(od, index):
        return od / (index @ slopes(observer, skin, od))
    blood, pigment = unit(shape(data, ASSUMED_SHARE), EI), unit(law(), MI)
    directions = np.stack([slopes(weights, skin, blood), slopes(weights, skin, pigment)], axis=1)
    tilt = 0.12 * np.log(CENTERS[0] / CENTERS) * directions[:, 1]
    covariance = np.full((3, 3), 0.006 ** 2) + np.diag(0.004 ** 2 + (0.2 * 0.008 / (weights @ skin)) ** 2)
    covariance += 0.01 * (np.outer(tilt, tilt) + np.diag((np.array([0.01, 0.015, 0.03]) * directions[:, 1]) ** 2))
    for component in blood_components():
        off = slopes(weights, skin, unit(blood + component, EI)) - directions[:, 0]
        covariance += 0.01 * np.outer(off, off)
    weight = np.linalg.inv(covariance)
    return np.linalg.inv(directions.T @ weight @ directions) @ directions.T @ weight


def calibrated(data, camera, lamp):
    """A camera's response under a lamp, brought to linear sRGB by the chart."""
    response = camera * lamp
    response = response / response.sum(axis=1, keepdims=True)
    seen, wanted = data.charts[0] @ response.T, data.charts[0] @ (data.observer / data.observer.sum(axis=1, keepdims=True)).T
    level = np.sqrt(seen.mean(axis=1, keepdims=True))
    return np.linalg.lstsq(seen / level, wanted / level, rcond=None)[0].T @ response


def read(data, skin, shapes):
    """[camera and lamp, shape]: error of a unit of EI, melanin that a unit of EI seems to be; and of the channels."""
    observer = data.observer / data.observer.sum(axis=1, keepdims=True)
    gain, leak, channel = [], [], []
    for camera in data.cameras.values():
        for lamp in LAMPS:
            weights = calibrated(data, camera, data.lamps[lamp])

            def direction(od):
                reference = slopes(observer, skin, od)
                return slopes(weights, skin, od) / (reference[1] - reference[0])
            assumed = direction(shape(data, ASSUMED_SHARE))
            unmix = unmixing(data, weights, skin)
            errors = np.array([direction(od) - assumed for od in shapes])
            gain.append(errors @ unmix[0])
            leak.append(errors @ unmix[1])
            channel.append(errors / (assumed[1] - assumed[0]))
    return np.array(gain), np.array(leak), np.array(channel)


def write_spread(path, data, pairs, count):
    """Second moments around the assumed shape, so that the pairs' mean distance from it is in them; OD per unit of EI x 100."""
    skin, observer = dict(data.skins)[SPREAD_SKIN], data.observer / data.observer.sum(axis=1, keepdims=True)

    def unit(od):
        reference = slopes(observer, skin, od)
        return od / (reference[1] - reference[0])
    off = np.array([unit(od) for _, _, od, _ in pairs]) - unit(shape(data, ASSUMED_SHARE))
    off[:, ~SEEN] = off[:, [np.argmax(SEEN)]]
    moment, vector = np.linalg.eigh((off * count[:, None]).T @ off)
    order = np.argsort(moment)[::-1][:COMPONENTS]
    print("%d components hold %.0f %% of the spread" % (COMPONENTS, 100 * moment[order].sum() / moment.sum()))
    component = vector[:, order] * np.sqrt(moment[order])
    component *= np.sign(component[np.abs(component).argmax(axis=0), range(COMPONENTS)])
    grid = np.arange(380, 731, 10)
    with open(path, "w", newline="") as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(["nm", "first", "second", "third"])
        for nm, *row in zip(grid, *(np.interp(grid, NM, c) for c in component.T)):
            out.writerow([nm] + ["%.4f" % x for x in row])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--spread", metavar="FILE")
    given = parser.parse_args()
    data = Data(given.data)
    pairs = measured_pairs(data, groups(given.data))
    count = np.array([redness ** 2 for redness, _, _, _ in pairs])
    count /= count.sum()
    if given.spread:
        write_spread(given.spread, data, pairs, count)
        return
    share = np.array([s for _, s, _, _ in pairs])
    for redness, s, _, names in pairs:
        print("records %5s and %5s: redness %.2f OD at 580 nm, share of the power %5.2f" % (*names, redness, s))
    print("%d pairs; share of the power: mean %.2f, root mean square around %.2f: %.2f\n" % (
        len(pairs), count @ share, ASSUMED_SHARE, np.sqrt(count @ (share - ASSUMED_SHARE) ** 2)))
    print("per unit of EI, over %d cameras x %d lamps, root mean square (power alone: mean)" % (len(data.cameras), len(LAMPS)))
    print("| skin | gain | leak | red | green | blue | power alone: gain, leak |\n|---|---|---|---|---|---|---|")
    skins, covariance = dict(data.skins), []
    for name in ("26", "9102", "13083", "9112", "9107", "9075"):
        gain, leak, channel = read(data, skins[name], [od for _, _, od, _ in pairs])
        covariance.append(np.einsum("kni,knj,n->ij", channel, channel, count) / len(channel))
        power = [x.mean() for x in read(data, skins[name], [shape(data, 1)])[:2]]
        print("| %s | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f, %.3f |" % (
            name, np.sqrt((gain ** 2 @ count).mean()), np.sqrt((leak ** 2 @ count).mean()), *np.sqrt(covariance[-1].diagonal()), *power))
    print("\ncovariance of red, green and blue, mean of these skins:\n%s" % np.mean(covariance, axis=0).round(5))


if __name__ == "__main__":
    main()
