"""Two photos of one person, before and at a visit, and their truth."""
import json
import os

import cv2
import numpy as np

from device import Camera, chart_texture
from background import PLAIN, materials, paint, scene_materials
from person import HEIGHT, MARGIN, WIDTH, Person
from spectra import TONES, SkinModel, tone_of


class View:
    """Where each pixel of a photo looks on the person's canvas."""

    def __init__(self, rng, amount, stretch):
        a, zoom = np.radians(rng.uniform(-8, 8)) * amount, 1 + rng.uniform(-0.07, 0.07) * amount
        shift = rng.uniform(-0.06, 0.06, 2) * amount * WIDTH
        c, s = zoom * np.cos(a), zoom * np.sin(a)
        to_center = np.array([[1, 0, -WIDTH / 2], [0, 1, -HEIGHT / 2], [0, 0, 1]])
        turn = np.array([[c, -s, 0], [s, c, 0], [*(rng.uniform(-3e-5, 3e-5, 2) * amount), 1]])
        back = np.array([[1, 0, WIDTH / 2 + shift[0]], [0, 1, HEIGHT / 2 + 0.6 * shift[1]], [0, 0, 1]])
        self.h = back @ turn @ to_center                      # canvas (less the stretch) to photo
        self.stretch = stretch * amount
        self.phase = rng.uniform(0, 6.28, 4)

    def bend(self, p):
        x, y, f = p[..., 0], p[..., 1], self.phase
        return self.stretch * np.stack([np.sin(x / 190 + y / 350 + f[0]) + 0.5 * np.sin(y / 120 + f[1]),
                                        np.sin(y / 210 - x / 330 + f[2]) + 0.5 * np.sin(x / 140 + f[3])], -1)

    def to_canvas(self, p):
        q = np.concatenate([p, np.ones(p.shape[:-1] + (1,))], -1) @ np.linalg.inv(self.h).T
        q = q[..., :2] / q[..., 2:]
        return q + self.bend(q)

    def to_photo(self, c):
        q = c.copy()
        for _ in range(30):
            q = c - self.bend(q)
        q = np.concatenate([q, np.ones(q.shape[:-1] + (1,))], -1) @ self.h.T
        return q[..., :2] / q[..., 2:]


class Session:
    """What the photos of one pair share: person, room, chart, camera. Options in `want` replace what the seed draws."""

    def __init__(self, data, seed, want):
        self.data, self.want = data, want
        rng = self.rng = np.random.default_rng(seed)
        self.scale = want.get("width", 1200) / WIDTH
        tone = want.get("tone") or TONES[seed % 6]
        of_tone = [s for s in data.skins if tone_of(data.ita(s[1])) == tone]
        self.record, base = of_tone[rng.integers(len(of_tone))]
        self.blood, self.power_share = data.blood(rng, want.get("power_share"))
        self.skin = SkinModel(data, base, self.blood)
        self.person = Person(rng, self.scale, want.get("subject") or ("face" if want.get("face", rng.random() < 0.5) else "arm"))
        self.lamp_name, self.lamp = self._lamp(rng)
        if "lamp" in want:
            self.lamp_name, self.lamp = want["lamp"], data.lamps[want["lamp"]]
        self.visit_lamp_name, self.visit_lamp = self._lamp(rng) if want.get("other_lamp") else (self.lamp_name, self.lamp)
        self.camera_name = rng.choice(list(data.cameras))
        self.camera_name = want.get("camera", self.camera_name)
        self.chart = data.charts[rng.integers(len(data.charts))] * (1 + 0.006 * rng.standard_normal((24, 1)))
        self.passport = rng.random() < 0.5
        self.materials = materials(rng)
        self.materials.update(scene_materials(np.random.default_rng([seed, 1]), base))
        self.background = rng.choice(PLAIN)
        self.background = want.get("background", self.background)
        self.glare, self.gloss = rng.uniform(0, 0.04), rng.uniform(0, 0.008)
        self.glare, self.gloss = want.get("glare", self.glare), want.get("gloss", self.gloss)
        self.slope, self.vignette = rng.uniform(-0.06, 0.06, 2), rng.uniform(0, 0.12)
        self.light = np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.5, 0.1), 1.0])
        self.ambient = rng.uniform(0.35, 0.6)
        self.patch = rng.uniform(28, 36) if self.passport else rng.uniform(41, 42)     # units; a Classic's patch has 40 mm
        self.chart_turn = int(rng.integers(4))
        self.device_seed = int(rng.integers(1 << 30))

    def _lamp(self, rng):
        names = list(self.data.lamps)
        a, b = rng.choice(names, 2)
        if rng.random() < 0.6:
            return a, self.data.lamps[a]
        share = rng.uniform(0.2, 0.8)
        mixed = [p / p.sum() for p in (self.data.lamps[a], self.data.lamps[b])]
        return "%s+%s" % (a, b), share * mixed[0] + (1 - share) * mixed[1]

    def _chart_place(self, rng):
        turn = self.chart_turn * np.pi / 2 + np.radians(rng.uniform(-6, 6))
        across, up = self.patch * (7.6 if self.passport else 7.0), self.patch * (5.0 if self.passport else 4.6)
        center = np.array([975.0, 640.0] if self.person.face else [930.0, 800.0])
        if not self.person.face and self.chart_turn % 2:
            turn += np.pi / 2                                 # there is no room for it upright
        center = center + rng.uniform(-12, 12, 2)
        box = np.array([[-across, -up], [across, -up], [across, up], [-across, up]]) / 2
        depth = 1 + box @ rng.uniform(-1.5e-4, 1.5e-4, 2)     # slight tilt
        c, s = np.cos(turn), np.sin(turn)
        return np.float32(center + (box @ np.array([[c, s], [-s, c]])) / depth[:, None])

    def photo(self, visit, m, h):
        """JPEG bytes and where things are; m and h are the treatment on the canvas."""
        rng = np.random.default_rng([self.device_seed, visit])
        camera = Camera(np.random.default_rng(self.device_seed), self.data, self.camera_name,
                        self.visit_lamp if visit else self.lamp, self.chart, self.want.get("curve"))
        person, scale = self.person, self.scale
        view = View(rng, self.want.get("movement", 1.0) if visit else 0.2, 3.0)
        size = (int(WIDTH * scale), int(HEIGHT * scale))
        y, x = np.mgrid[0:size[1], 0:size[0]]
        spot = np.stack([x + 0.5, y + 0.5], -1) / scale
        canvas = (view.to_canvas(spot) + MARGIN) * scale - 0.5
        canvas = canvas.astype(np.float32)

        def look(field, how=cv2.INTER_CUBIC):
            return cv2.remap(field.astype(np.float32), canvas, None, how, borderMode=cv2.BORDER_REPLICATE)
        m0, h0 = look(person.m), look(person.h)
        m1, h1 = look(person.m + m), look(person.h + h)
        nx, ny, nz = (look(n, cv2.INTER_LINEAR) for n in person.normal)
        light = self.light + rng.normal(0, 0.03, 3)
        light /= np.linalg.norm(light)
        facing = np.maximum(nx * light[0] + ny * light[1] + nz * light[2], 0)
        shade = self.ambient + (1 - self.ambient) * facing + rng.normal(0, 0.01)
        relief = np.exp(look(person.relief))
        coefficients = self.skin.fit(camera.weights)
        skin = self.skin.look(coefficients, m1, h1) * (shade * relief)[..., None]
        half = light + [0, 0, 1]
        half /= np.linalg.norm(half)
        lobe = np.maximum(nx * half[0] + ny * half[1] + nz * half[2], 0) ** 12
        gloss = self.gloss * (0.25 + 1.5 * lobe * np.maximum(relief ** 6, 0)) * rng.uniform(0.8, 1.2)
        skin += gloss[..., None]
        scene = self._surround(camera, spot)
        body = look(person.body, cv2.INTER_LINEAR)
        scene += body[..., None] * (skin - scene)
        is_skin = body > 0.5
        cloth = np.exp(0.05 * look(person.noise(np.random.default_rng(5), 2)))
        for name, opacity in person.layers:
            alpha = np.clip(look(opacity, cv2.INTER_LINEAR), 0, 1)
            if name == "lips":
                color = self.skin.look(coefficients, m1 + 0.05, h1 + 0.16) * (shade * relief)[..., None] + gloss[..., None]
            else:
                texture = cloth if name in ("shirt", "sleeve") else relief ** 6 if name in ("hair", "brow") else 1 + 0 * shade
                color = (shade * texture)[..., None] * (camera.weights @ self.materials[name])
            scene += alpha[..., None] * (color - scene)
            is_skin &= alpha < 0.5
        corners, on_chart = self._paste_chart(scene, camera, rng)
        centered = spot / [WIDTH, HEIGHT] - 0.5
        radius = (centered ** 2).sum(-1) * 2
        scene *= ((1 + 2 * centered @ (self.slope + rng.normal(0, 0.01, 2))) * (1 - self.vignette * radius))[..., None]
        small = cv2.resize(scene, (60, 45), interpolation=cv2.INTER_AREA)
        wide = cv2.resize(cv2.GaussianBlur(small, (0, 0), 12), size, interpolation=cv2.INTER_LINEAR)
        glare = self.glare * rng.uniform(0.85, 1.15)
        scene = (1 - glare) * scene + glare * (0.6 + 0.4 * wide / wide.mean())
        jpeg = camera.develop(scene.astype(np.float32), rng)
        return jpeg, dict(view=view, m0=m0, h0=h0, m=m1, h=h1, skin=is_skin & ~on_chart, corners=corners * scale,
                          glare=100 * glare, camera=camera)

    def _surround(self, camera, spot):
        rng = np.random.default_rng(self.device_seed + 7)
        return paint(self.background, self.materials, camera.weights, rng, spot, self.scale)

    def _paste_chart(self, scene, camera, rng):
        picture, inner = chart_texture(camera.weights, self.chart, self.passport, np.random.default_rng(self.device_seed))
        corners = self._chart_place(rng)
        to_photo = cv2.getPerspectiveTransform(inner + 0.5, np.float32(corners * self.scale))
        shrink = 60 / (self.patch * self.scale)
        if shrink > 1:
            picture = cv2.GaussianBlur(picture, (0, 0), 0.4 * shrink)
        shift = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        h = shift @ to_photo @ np.linalg.inv(shift)
        size = (scene.shape[1], scene.shape[0])
        layer = cv2.warpPerspective(picture, h, size, flags=cv2.INTER_LINEAR)
        alpha = cv2.warpPerspective(np.ones(picture.shape[:2], np.float32), h, size, flags=cv2.INTER_LINEAR)
        scene += alpha[..., None] * (layer / np.maximum(alpha, 1e-3)[..., None] - scene)
        return corners - 0.5 / self.scale, alpha > 0.01


def polygon_mask(shape, polygon):
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.int32(np.round(polygon))], 1)
    return mask > 0


def make_pair(data, seed, folder, **want):
    """Render into folder: before.jpg, visit.jpg, masks and truth.json; returns the truth."""
    session = Session(data, seed, want)
    rng, skin, person = session.rng, session.skin, session.person
    kind = want.get("kind", "both")
    redness = rng.uniform(0.04, 0.20) if kind in ("redness", "both") else 0
    pigment = rng.uniform(0.05, 0.15) if kind in ("pigment", "both") else 0
    m, h = person.treatment(rng, redness, pigment)
    os.makedirs(folder, exist_ok=True)
    before, first = session.photo(0, 0 * m, 0 * h)
    visit, now = session.photo(1, m, h)
    ei = skin.indices(now["m0"], now["h"])[0] - skin.indices(now["m0"], now["h0"])[0]
    mi = skin.indices(now["m"], now["h0"])[1] - skin.indices(now["m0"], now["h0"])[1]
    scale = session.scale
    polygons = {k: now["view"].to_photo(p) * scale - 0.5 for k, p in (("region", person.region), ("control", person.control))}
    treated, control = (polygon_mask(ei.shape, polygons[k]) & now["skin"] for k in ("region", "control"))
    level = ei[control].mean(), mi[control].mean()
    truth = {"seed": seed, "kind": kind, "tone": tone_of(data.ita(skin.base)), "record": session.record, "face": person.face,
             "camera": session.camera_name, "lamp": session.lamp_name, "visit_lamp": session.visit_lamp_name, "passport": session.passport,
             "curve": str(now["camera"].kind), "background": str(session.background), "gloss": session.gloss,
             "power_share": float(session.power_share),
             "delta_ei": float(ei[treated].mean() - level[0]), "delta_mi": float(mi[treated].mean() - level[1]),
             "glare": [first["glare"], now["glare"]], "corners": now["corners"].tolist(), "corners_before": first["corners"].tolist(),
             "region": polygons["region"].tolist(), "control": polygons["control"].tolist(),
             "region_seen": float(treated.sum() / max(polygon_mask(ei.shape, polygons["region"]).sum(), 1))}
    for name, data_bytes in (("before.jpg", before), ("visit.jpg", visit)):
        with open(os.path.join(folder, name), "wb") as stream:
            stream.write(data_bytes)
    for name, mask in (("skin", now["skin"]), ("erythema", now["skin"] & (ei - level[0] >= 3)),
                       ("pigment", now["skin"] & (mi - level[1] >= 3))):
        cv2.imwrite(os.path.join(folder, "true_%s.png" % name), np.uint8(mask) * 255)
    with open(os.path.join(folder, "truth.json"), "w") as stream:
        json.dump(truth, stream)
    return truth
