#!/usr/bin/python3
"""Writes calibration/spectra_tables.c from the CSV files beside this script.

All spectra are resampled to 380..730 nm by 10 nm. Smooth ones (observer, cameras, absorption) are read at the
grid points; lamps, which have lines, are averaged with the triangle 1/4, 1/2, 1/4 of their 5 nm samples.
Run it after a change of a CSV: python3 calibration/tables/make_tables.py [OUTPUT]
"""
import csv
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GRID = list(range(380, 731, 10))
PATCHES = 24


def read(name):
    """{column: {nm: value}} of a CSV whose first column is nm; the order of columns is kept."""
    with open(os.path.join(HERE, name), newline="") as file:
        rows = list(csv.reader(file))
    table = {}
    for column in range(1, len(rows[0])):
        table[rows[0][column]] = {int(row[0]): row[column] for row in rows[1:] if row}
    return table


def points(column):
    return [float(column[nm]) for nm in GRID]


def triangle(column):
    """Average over +-5 nm; the missing side at an end of the table is left out."""
    out = []
    for nm in GRID:
        total, weight = 0.0, 0.0
        for at, share in ((nm - 5, 0.25), (nm, 0.5), (nm + 5, 0.25)):
            if at in column:
                total += share * float(column[at])
                weight += share
        out.append(total / weight)
    return out


def scaled(values, peak):
    return [value / peak for value in values]


def numbers(values, indent):
    texts = ["%.6gF" % value if ("." in "%.6g" % value or "e" in "%.6g" % value) else "%.6g.0F" % value
             for value in values]
    lines, line = [], indent
    for text in texts:
        piece = text + ", "
        if len(line) + len(piece) > 108:
            lines.append(line.rstrip())
            line = indent
        line += piece
    lines.append(line.rstrip().rstrip(","))
    return "\n".join(lines)


def spectrum(name, values, indent="    "):
    return "%s{\"%s\",\n%s {\n%s}}" % (indent, name, indent, numbers(values, indent + "     "))


def cameras():
    out = []
    folder = os.path.join(HERE, "cameras")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".csv"):
            continue
        table = read(os.path.join("cameras", name))
        channels = [points(table[channel]) for channel in "RGB"]
        peak = max(max(channel) for channel in channels)
        out.append((name[:-4], [scaled(channel, peak) for channel in channels]))
    return out


def array(kind, name, items):
    return "const %s %s[] = {\n%s};\n" % (kind, name, ",\n".join(items))


def single(name, text):
    return "const rubor_spectrum %s =\n%s;\n" % (name, text)


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "spectra_tables.c")
    observer = read("cie1931_2deg_cmf_380_780_5.csv")
    lamps = read("cie_illuminants_380_780_5.csv")
    patches = read("cc24_babelcolor_average_380_730_10.csv")
    tissue = read("melanin_and_blood_mua_380_1000_5.csv")
    shape = read("hemoglobin_change_shape.csv")
    spread = read("hemoglobin_change_spread.csv")
    rest = read("skin_rest.csv")
    assert len(patches) == PATCHES

    parts = ["/* Written by calibration/tables/make_tables.py from the CSV files beside it; do not edit. */\n"
             "#include \"calibration/spectra_tables.h\"\n"]
    rows = ",\n".join("    {\n%s}" % numbers(points(observer[c]), "     ") for c in ("xbar", "ybar", "zbar"))
    parts.append("const float rubor_table_cmf[3][RUBOR_SPECTRUM_SAMPLES] = {\n%s};\n" % rows)
    parts.append(array("rubor_spectrum", "rubor_table_illuminants",
                       [spectrum(name, scaled(triangle(column), max(triangle(column))))
                        for name, column in lamps.items()]))
    parts.append("const size_t rubor_table_illuminant_count = %d;\n" % len(lamps))
    items = []
    for name, channels in cameras():
        body = ",\n".join("      {\n%s}" % numbers(channel, "       ") for channel in channels)
        items.append("    {\"%s\",\n     {\n%s}}" % (name, body))
    parts.append(array("rubor_camera_sensitivity", "rubor_table_cameras", items))
    parts.append("const size_t rubor_table_camera_count = %d;\n" % len(items))
    parts.append(array("rubor_spectrum", "rubor_table_chart",
                       [spectrum(name.split(" (")[0], points(column)) for name, column in patches.items()]))
    for name, column in (("melanosome", "mua_melanosome_cm-1"), ("skin_baseline", "mua_skin_baseline_cm-1"),
                         ("oxyblood", "mua_oxyblood_150gL_cm-1")):
        parts.append(single("rubor_table_" + name, spectrum(name, points(tissue[column]))))
    parts.append(single("rubor_table_hemoglobin_change",
                        spectrum("hemoglobin_change", points(shape["od_change"]))))
    parts.append(array("rubor_spectrum", "rubor_table_hemoglobin_spread",
                       [spectrum(name, points(column)) for name, column in spread.items()]))
    parts.append(single("rubor_table_skin_rest", spectrum("skin_rest", points(rest["mean"]))))
    parts.append(single("rubor_table_skin_rest_per_melanin",
                        spectrum("skin_rest_per_melanin", points(rest["per_melanin"]))))
    with open(output, "w") as file:
        file.write("\n".join(parts))


if __name__ == "__main__":
    main()
