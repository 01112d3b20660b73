"""Pictures for the chart-search benchmark, made from the reference photographs and drawn from tables.

Every case is (group, name, picture BGR uint8, corners 4x2 or None, fill (x, y) or None). Corners are the outer
corners of the outer patches in the order dark skin, bluish green, black, white, pixel centers at integers.
Deterministic: the same seed gives the same pictures.
"""
import csv
import os

import cv2
import numpy as np

LIMIT = 2e6


def read_csv(path):
    with open(path) as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def photos(data):
    """(name, picture, corners | None, fill | None), shrunk to the working size."""
    charts = os.path.join(data, "charts")
    extra = {r["file"]: r for r in read_csv(os.path.join(charts, "charts_extra.csv"))}
    out = []
    for r in read_csv(os.path.join(charts, "charts.csv")):
        picture = cv2.imread(os.path.join(charts, "photos", r["file"]), cv2.IMREAD_COLOR)
        corners = fill = None
        if r["x0"]:
            corners = np.array([[float(r["x%d" % i]), float(r["y%d" % i])] for i in range(4)])
            e = extra[r["file"]]
            fill = (1 / (1 + float(e["gap_over_patch_x"])), 1 / (1 + float(e["gap_over_patch_y"])))
        out.append((r["file"],) + shrink_to(picture, corners, LIMIT) + (fill,))
    return out


def scaled(picture, corners, s):
    if s == 1:
        return picture, corners
    h, w = picture.shape[:2]
    w2, h2 = max(16, round(w * s)), max(16, round(h * s))
    picture = cv2.resize(picture, (w2, h2), interpolation=cv2.INTER_AREA if s < 1 else cv2.INTER_LINEAR)
    if corners is not None:
        corners = (corners + 0.5) * [w2 / w, h2 / h] - 0.5
    return picture, corners


def shrink_to(picture, corners, pixels):
    h, w = picture.shape[:2]
    return scaled(picture, corners, min(1.0, (pixels / (w * h)) ** 0.5))


def chart_homography(corners, fill):
    x0, x1, y0, y1 = (1 - fill[0]) / 2, 6 - (1 - fill[0]) / 2, (1 - fill[1]) / 2, 4 - (1 - fill[1]) / 2
    plane = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return cv2.getPerspectiveTransform(plane, corners.astype(np.float32))


def project(h, points):
    return cv2.perspectiveTransform(np.asarray(points, np.float64).reshape(-1, 1, 2), h)[:, 0]


def centers_and_sizes(corners, fill):
    h = chart_homography(corners, fill)
    p = np.array([[i % 6 + 0.5, i // 6 + 0.5] for i in range(24)])
    c = project(h, p)
    right, down = project(h, p + [fill[0], 0]) - c, project(h, p + [0, fill[1]]) - c
    return c, np.sqrt(np.linalg.norm(right, axis=1) * np.linalg.norm(down, axis=1))


def patch_px(corners, fill):
    return float(np.mean(centers_and_sizes(corners, fill)[1]))


def linear(picture):
    v = picture.astype(np.float32) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encoded(light):
    v = np.clip(light, 0, 1)
    return (255 * np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055) + 0.5).astype(np.uint8)


def warped(picture, corners, h, size, border=None):
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    out = cv2.warpPerspective(picture, h, size, flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=border or 0)
    return out, None if corners is None else project(h, corners)


def rotated(picture, corners, degrees, border=(96, 100, 104)):
    h, w = picture.shape[:2]
    m = np.vstack([cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), degrees, 1), [0, 0, 1]])
    box = project(m, [[0, 0], [w, 0], [w, h], [0, h]])
    lo, hi = box.min(0), box.max(0)
    m = np.array([[1, 0, -lo[0]], [0, 1, -lo[1]], [0, 0, 1]]) @ m
    return shrink_to(*warped(picture, corners, m, (int(hi[0] - lo[0]), int(hi[1] - lo[1])), border), LIMIT)


def tilted(picture, corners, rng, strength):
    """A perspective that keeps the whole picture in view."""
    h, w = picture.shape[:2]
    src = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
    dst = src + (rng.uniform(0, strength, (4, 2)) * [w, h] * [[1, 1], [-1, 1], [-1, -1], [1, -1]]).astype(np.float32)
    return warped(picture, corners, cv2.getPerspectiveTransform(src, dst), (w, h))


def blurred(picture, sigma):
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def recompressed(picture, quality):
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def covered(picture, corners, fill, patches, color):
    """Paints over whole patches with their gaps."""
    out = picture.copy()
    h = chart_homography(corners, fill)
    for i in patches:
        c, r = i % 6, i // 6
        quad = project(h, [[c + 0.02, r + 0.02], [c + 0.98, r + 0.02], [c + 0.98, r + 0.98], [c + 0.02, r + 0.98]])
        cv2.fillConvexPoly(out, np.round(quad).astype(np.int32), color)
    return out


def cut_chart(picture, corners, fill, margin):
    """The chart alone, upright, with a margin in pitches; returns picture and corners."""
    h = chart_homography(corners, fill)
    px = int(np.clip(patch_px(corners, fill) / min(fill), 12, 60))
    m = np.array([[px, 0, margin * px], [0, px, margin * px], [0, 0, 1.0]]) @ np.linalg.inv(h)
    return warped(picture, corners, m, (int(px * (6 + 2 * margin)), int(px * (4 + 2 * margin))))


def pasted(background, chart, corners, rng, pitch, spin=None, strength=0.12):
    """Puts a chart picture on a background, rotated and tilted, chart pitch about `pitch` px."""
    h, w = chart.shape[:2]
    source_pitch = w / 7.2
    s = pitch / source_pitch
    angle = rng.uniform(0, 2 * np.pi) if spin is None else spin
    quad = np.array([[-w / 2, -h / 2], [w / 2, -h / 2], [w / 2, h / 2], [-w / 2, h / 2]]) * s
    quad = quad * (1 + rng.uniform(-strength, strength, (4, 1)))
    quad = quad @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    lo, hi = quad.min(0), quad.max(0)
    bh, bw = background.shape[:2]
    if hi[0] - lo[0] > bw or hi[1] - lo[1] > bh:
        f = max((hi[0] - lo[0]) / bw, (hi[1] - lo[1]) / bh) * 1.02
        background = cv2.resize(background, None, fx=f, fy=f)
        bh, bw = background.shape[:2]
    quad = quad - lo + [rng.uniform(0, bw - (hi - lo)[0]), rng.uniform(0, bh - (hi - lo)[1])]
    m = cv2.getPerspectiveTransform(np.float32([[0, 0], [w, 0], [w, h], [0, h]]), quad.astype(np.float32))
    k = max(1, int(1 / s))
    smooth = cv2.GaussianBlur(chart, (0, 0), 0.4 / s) if k > 1 else chart
    top = cv2.warpPerspective(smooth, m, (bw, bh))
    mask = cv2.warpPerspective(np.full((h, w), 255, np.uint8), m, (bw, bh))[:, :, None] / 255.0
    out = (top * mask + background * (1 - mask)).astype(np.uint8)
    return out, None if corners is None else project(m, corners)


def lab_to_linear(lab):
    """CIELAB D50 -> linear sRGB (Bradford)."""
    lab = np.asarray(lab, float)
    fy = (lab[:, 0] + 16) / 116
    f = np.stack([fy + lab[:, 1] / 500, fy, fy - lab[:, 2] / 200], 1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.9642, 1, 0.8249]
    m = np.array([[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540],
                  [0.0719453, -0.2289914, 1.4052427]])
    return np.clip(xyz @ m.T, 0, None)


def draw_grid(colors, columns, fill, frame, px, margin=0.6, texture=0.0, rng=None):
    """A chart from linear colors; supersampled. Returns picture BGR and outer corners."""
    rows = len(colors) // columns
    big = np.empty((int(px * (rows + 2 * margin)), int(px * (columns + 2 * margin)), 3), np.float32)
    big[:] = frame
    k = 0
    for r in range(rows):
        for c in range(columns):
            x0, x1 = px * (margin + c + (1 - fill[0]) / 2), px * (margin + c + (1 + fill[0]) / 2)
            y0, y1 = px * (margin + r + (1 - fill[1]) / 2), px * (margin + r + (1 + fill[1]) / 2)
            big[round(y0):round(y1), round(x0):round(x1)] = colors[k]
            k += 1
    if texture and rng is not None:
        big *= 1 + texture * rng.standard_normal(big.shape[:2] + (1,)).astype(np.float32)
    x0, x1 = px * (margin + (1 - fill[0]) / 2), px * (margin + columns - (1 - fill[0]) / 2)
    y0, y1 = px * (margin + (1 - fill[1]) / 2), px * (margin + rows - (1 - fill[1]) / 2)
    corners = np.round(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])) - 0.5
    return encoded(big[:, :, ::-1]), corners


def reference_colors(data, edition="after2014"):
    rows = read_csv(os.path.join(data, "charts", "ref_colorchecker24.csv"))
    return lab_to_linear([[float(r["%s_%s" % (k, edition)]) for k in "Lab"] for r in rows])


def foreign_colors(data, name):
    rows = read_csv(os.path.join(data, "charts", name))
    return lab_to_linear([[float(r[k]) for k in "Lab"] for r in rows])


LAMPS = [(1, 1, 1), (1.5, 1, 0.45), (0.75, 1, 1.4), (1.25, 1, 0.7), (0.95, 1.1, 0.9)]


def lamp_mix(rng):
    """Gains of a lamp, some crosstalk of a camera, exposure."""
    mix = np.eye(3) * (1 + 0.0) + rng.normal(0, 0.06, (3, 3)) * (1 - np.eye(3))
    return np.diag(LAMPS[rng.integers(len(LAMPS))]) @ mix * rng.uniform(0.45, 1.15)


def synthetic(data, backgrounds, rng, count):
    colors = reference_colors(data)
    frames = [(0.02,) * 3, (0.03,) * 3, (0.2, 0.2, 0.2), (0.8,) * 3, (0.35, 0.2, 0.1), (0.0, 0.0, 0.0)]
    for k in range(count):
        f = rng.uniform(0.62, 0.93)
        fill = (f, float(np.clip(f + rng.uniform(-0.05, 0.05), 0.6, 0.95)))
        mix = lamp_mix(rng)
        frame = np.array(frames[rng.integers(len(frames))])
        chart, corners = draw_grid(colors @ mix.T, 6, fill, frame @ mix.T, 48)
        pitch = float(np.exp(rng.uniform(np.log(10), np.log(70))))
        background = backgrounds[rng.integers(len(backgrounds))]
        picture, corners = pasted(background, chart, corners, rng, pitch)
        noise = rng.normal(0, rng.uniform(0, 5), picture.shape)
        picture = recompressed(np.clip(picture + noise, 0, 255).astype(np.uint8), int(rng.integers(60, 96)))
        yield "drawn chart, lamps, frames, 10-70 px pitch", "drawn%d" % k, picture, corners, fill


def distractors(data, backgrounds, rng, count):
    colors = reference_colors(data)
    spyder = foreign_colors(data, "ref_spydercheckr24_lab_d50.csv")
    dkk = foreign_colors(data, "ref_dkk_vinyl18_lab_d50.csv")
    black = np.full(3, 0.025)
    for k in range(count):
        background = backgrounds[rng.integers(len(backgrounds))]
        fill = (rng.uniform(0.75, 0.93),) * 2
        pitch = float(np.exp(rng.uniform(np.log(12), np.log(70))))
        mix = lamp_mix(rng)
        kinds = [
            ("random colors 6 x 4", rng.uniform(0.02, 0.9, (24, 3)), 6),
            ("shuffled ColorChecker", colors[rng.permutation(24)], 6),
            ("SpyderCheckr 24", spyder, 6),
            ("SpyderCheckr 24 mirrored", spyder.reshape(4, 6, 3)[:, ::-1].reshape(24, 3), 6),
            ("DKK vinyl 18, 6 x 3", dkk, 6),
            ("checkerboard 8 x 6", np.array([[0.02] * 3, [0.85] * 3])[(np.arange(48) % 8 + np.arange(48) // 8) % 2], 8),
            ("gray ramp 6 x 4", np.repeat(np.sort(rng.uniform(0.02, 0.9, 24))[:, None], 3, 1), 6),
            ("rows swapped", colors.reshape(4, 6, 3)[[1, 0, 3, 2]].reshape(24, 3), 6),
            ("big chart 14 x 10 with the 24 inside", big_chart(colors, rng), 14),
        ]
        for name, c, columns in kinds:
            chart, _ = draw_grid(c @ mix.T, columns, fill, black if rng.random() < 0.7 else black * 20, 40)
            yield "other: " + name, "%s %d" % (name, k), pasted(background, chart, None, rng,
                                                                 pitch * columns / 6)[0], None, None
        yield "other: keyboard", "keyboard %d" % k, pasted(background, keyboard(rng), None, rng, pitch * 2)[0], None, None


def big_chart(colors, rng):
    """A 14 x 10 chart that holds the 24 colors as part of a larger field (as a Digital SG does)."""
    grid = rng.uniform(0.02, 0.8, (10, 14, 3))
    grid[0] = grid[-1] = grid[:, :1] = grid[:, -1:] = 0.2
    grid[1:5, 4:10] = colors.reshape(4, 6, 3)
    return grid.reshape(-1, 3)


def keyboard(rng):
    picture = np.full((200, 560, 3), 30, np.uint8)
    for r in range(5):
        for c in range(14):
            x, y = 10 + c * 38 + (r * 9) % 20, 8 + r * 38
            picture[y:y + 31, x:x + 31] = 60
            cv2.putText(picture, chr(65 + (r * 14 + c) % 26), (x + 8, y + 22), 0, 0.6, (220, 220, 220), 1)
    return picture


def augmented(base, backgrounds, rng):
    name, picture, corners, fill = base
    size = patch_px(corners, fill)
    yield "as it is", name, picture, corners, fill
    for angle in (45, 90, 180, float(rng.uniform(10, 80)), 135, 225):
        group = "rotated by 45, 135, 225" if angle in (45, 135, 225) else "rotated by 90, 180, any"
        yield (group, name) + rotated(picture, corners, angle) + (fill,)
    flipped = (corners * [-1, 1]) + [picture.shape[1] - 1, 0]
    yield "mirrored", name, np.ascontiguousarray(picture[:, ::-1]), flipped, fill
    for k in range(2):
        yield ("perspective", name) + tilted(picture, corners, rng, 0.25) + (fill,)
    yield "blur 0.15 patch", name, blurred(picture, 0.15 * size), corners, fill
    yield "blur 0.30 patch", name, blurred(picture, 0.30 * size), corners, fill
    for px in (12, 8, 5):
        if size > px:
            yield ("patches of %d px" % px, name) + scaled(picture, corners, px / size) + (fill,)
    for stops in (-1, 1, -2):
        yield "exposure %+d" % stops, name, encoded(linear(picture) * 2.0**stops), corners, fill
    for gains in ((0.45, 1, 1.4), (1.4, 1, 0.7)):
        yield "color cast", name, encoded(linear(picture) * np.array(gains, np.float32)), corners, fill
    yield "JPEG quality 30", name, recompressed(picture, 30), corners, fill
    for count in (2, 4):
        for k in range(2):
            patches = rng.choice(24, count, replace=False)
            color = tuple(int(v) for v in rng.integers(0, 255, 3))
            yield "%d patches covered" % count, name, covered(picture, corners, fill, patches, color), corners, fill
    lo, hi = corners.min(0) - 0.5 * size, corners.max(0) + 0.5 * size
    x0, y0 = np.maximum(lo.astype(int), 0)
    x1, y1 = np.minimum(hi.astype(int), [picture.shape[1], picture.shape[0]])
    yield "cropped to the chart", name, np.ascontiguousarray(picture[y0:y1, x0:x1]), corners - [x0, y0], fill
    chart, c = cut_chart(picture, corners, fill, 0.6)
    for k in range(2):
        pitch = float(np.exp(rng.uniform(np.log(12), np.log(70))))
        background = backgrounds[rng.integers(len(backgrounds))]
        yield ("pasted elsewhere, 12-70 px pitch", name) + pasted(background, chart, c, rng, pitch) + (fill,)


def chartless(base, rng):
    name, picture, _, _ = base
    yield "no chart", name, picture, None, None
    for k in range(4):
        angle = float(rng.uniform(0, 360))
        yield "no chart", name, rotated(picture, None, angle)[0], None, None
    for s in (0.7, 0.5, 0.35, 0.25):
        yield "no chart", name, scaled(picture, None, s)[0], None, None
    for k in range(4):
        yield "no chart", name, encoded(linear(picture) * rng.uniform(0.4, 1.6, 3).astype(np.float32)), None, None


def without_chart(base, rng):
    """The photo with its chart painted over."""
    name, picture, corners, fill = base
    h = chart_homography(corners, fill)
    quad = project(h, [[-0.5, -0.5], [6.5, -0.5], [6.5, 4.5], [-0.5, 4.5]])
    out = picture.copy()
    cv2.fillConvexPoly(out, np.round(quad).astype(np.int32), tuple(int(v) for v in rng.integers(30, 220, 3)))
    return "chart painted over", name, out, None, None


def all_cases(data, seed=1):
    rng = np.random.default_rng(seed)
    base = photos(data)
    empty = [b[1] for b in base if b[2] is None]
    painted = [without_chart(b, rng) for b in base if b[2] is not None]
    backgrounds = empty + [p[2] for p in painted]
    for b in base:
        if b[2] is None:
            yield from chartless(b, rng)
        else:
            yield from augmented(b, backgrounds, rng)
    yield from painted
    yield from synthetic(data, backgrounds, rng, 120)
    yield from distractors(data, backgrounds, rng, 12)
