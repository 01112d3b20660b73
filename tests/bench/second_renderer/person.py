"""A person, or a part of one, as maps over a canvas: what is skin, its melanin and blood, its relief and curvature."""
import cv2
import numpy as np

WIDTH, HEIGHT, MARGIN = 1200, 900, 200      # canvas units; a photo shows about 0..WIDTH x 0..HEIGHT of them


def smooth_noise(rng, shape, sigma):
    """Gaussian noise of unit variance and of size sigma (pixels of shape)."""
    step = max(1.0, sigma / 2.5)
    small = rng.standard_normal((int(shape[0] / step) + 4, int(shape[1] / step) + 4)).astype(np.float32)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / step, 0.3))
    field = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / field.std()


def soft_step(x, width):
    return 1 / (1 + np.exp(-np.clip(x / width, -30, 30)))


class Person:
    """Maps are float32 arrays over the canvas; scale is pixels of canvas per unit."""

    def __init__(self, rng, scale, subject):
        """subject: face, arm, two arms, hand, close-up (skin fills the frame) or none."""
        self.scale, self.face = scale, subject == "face"
        self.shape = (int((HEIGHT + 2 * MARGIN) * scale), int((WIDTH + 2 * MARGIN) * scale))
        y, x = np.mgrid[0:self.shape[0], 0:self.shape[1]].astype(np.float32)
        self.x, self.y = x / scale - MARGIN, y / scale - MARGIN
        self.layers = []                        # (name, opacity) drawn over skin, in this order
        {"face": self._shape_face, "arm": self._shape_arm, "two arms": self._shape_two_arms, "hand": self._shape_hand,
         "close-up": self._shape_close_up, "none": self._shape_none}[subject](rng)
        self._color(rng)
        self._relief(rng)
        self.skin = (self.body > 0.5) & (sum((a for _, a in self.layers), 0 * self.body) < 0.5)

    def noise(self, rng, size):
        return smooth_noise(rng, self.shape, size * self.scale)

    def disc(self, cx, cy, rx, ry, soft=2.0, wobble=None):
        r = np.hypot((self.x - cx) / rx, (self.y - cy) / ry)
        if wobble is not None:
            r = r + 0.08 * wobble
        return soft_step(1 - r, soft / max(rx, ry))

    def _shape_arm(self, rng):
        top, bottom = rng.uniform(180, 240), rng.uniform(600, 680)
        lean, taper = rng.uniform(-0.06, 0.06), rng.uniform(-0.05, 0.05)
        middle = (top + bottom) / 2 + lean * (self.x - 600) + 6 * np.sin(self.x / 260)
        half = (bottom - top) / 2 * (1 + taper * (self.x - 600) / 600)
        across = (self.y - middle) / half
        self.body = soft_step(1 - abs(across), 0.4 / half.mean())
        inside = np.clip(across, -0.98, 0.98)
        self.normal = (0 * inside, inside, np.sqrt(1 - inside ** 2))
        y0 = (top + bottom) / 2
        self.region = self._blob(rng, 400, y0 + lean * -200, 150, 105)
        self.control = self._blob(rng, 760, y0 + lean * 160, 90, 90)
        if rng.random() < 0.5:
            self.layers.append(("sleeve", soft_step(self.x - rng.uniform(1010, 1080) - 8 * self.noise(rng, 40), 0.5)))

    def _shape_two_arms(self, rng):
        arms = []
        for middle, half in ((rng.uniform(130, 170), rng.uniform(95, 120)), (rng.uniform(450, 500), rng.uniform(120, 150))):
            lean = rng.uniform(-0.08, 0.08)
            across = (self.y - middle - lean * (self.x - 600) - 6 * np.sin(self.x / 260)) / half
            arms.append((soft_step(1 - abs(across), 0.4 / half), np.clip(across, -0.98, 0.98)))
        (upper, one), (lower, other) = arms
        self.body = np.maximum(upper, lower)
        across = np.where(upper > lower, one, other)
        self.normal = (0 * across, across, np.sqrt(1 - across ** 2))
        self.region, self.control = self._blob(rng, 420, 470, 110, 70), self._blob(rng, 760, 150, 80, 50)

    def _shape_hand(self, rng):
        """A hand from the left, seen from its back: wrist, palm and five fingers as rounded rods."""
        cx, cy, spread = 330, rng.uniform(400, 450), rng.uniform(0.8, 1.15)
        rods = [((-250, 20), (cx - 90, 0), 120), ((cx - 70, 0), (cx + 20, 0), 165), ((cx - 90, -110), (cx + 60, -285 * spread), 52)]
        rods += [((cx + 60, dy), (cx + reach, dy * spread), 41) for dy, reach in ((-118, 330), (-40, 380), (40, 360), (115, 290))]
        rise = np.full(self.shape, -1.0, np.float32)
        side = np.zeros(self.shape + (2,), np.float32)
        for (x0, y0), (x1, y1), radius in rods:
            dx, dy = x1 - x0, y1 - y0
            t = np.clip(((self.x - x0) * dx + (self.y - cy - y0) * dy) / (dx * dx + dy * dy), 0, 1)
            away = np.stack([self.x - x0 - t * dx, self.y - cy - y0 - t * dy], -1) / radius
            here = 1 - np.hypot(away[..., 0], away[..., 1])
            higher = here * radius > rise
            rise = np.where(higher, here * radius, rise)
            side = np.where(higher[..., None], away, side)
        self.body = soft_step(rise, 0.4)
        side *= 0.7
        steep = np.minimum(np.hypot(side[..., 0], side[..., 1]), 0.95)
        side *= (steep / np.maximum(np.hypot(side[..., 0], side[..., 1]), 1e-6))[..., None]
        self.normal = (side[..., 0], side[..., 1], np.sqrt(1 - steep ** 2))
        self.region, self.control = self._blob(rng, cx - 20, cy, 90, 80), self._blob(rng, cx - 210, cy + 10, 70, 60)

    def _shape_close_up(self, rng):
        across = np.clip((self.y - rng.uniform(350, 550)) / rng.uniform(600, 1200), -0.9, 0.9)
        self.body = np.ones(self.shape, np.float32)
        self.normal = (0 * across, across, np.sqrt(1 - across ** 2))
        self.region, self.control = self._blob(rng, 380, 420, 180, 150), self._blob(rng, 800, 300, 100, 100)

    def _shape_none(self, rng):
        self._shape_close_up(rng)
        self.body = np.zeros(self.shape, np.float32)

    def _shape_face(self, rng):
        cx, cy, rx, ry = 430, 430, rng.uniform(270, 300), rng.uniform(345, 375)
        u, v = (self.x - cx) / rx, (self.y - cy) / ry
        neck = soft_step(150 - abs(self.x - cx), 0.5) * soft_step(self.y - cy - 100, 0.5)
        self.body = np.maximum(self.disc(cx, cy, rx, ry, 0.4), neck)
        r = np.sqrt(np.clip(u * u + v * v, 0, 0.94))
        nose = np.exp(-((self.x - cx) / 34) ** 2 - ((self.y - cy - 40) / 85) ** 2)
        nx, ny = u * 0.9 + nose * (self.x - cx) / 60, v * 0.75
        nz = np.sqrt(np.clip(1 - r * r, 0.06, 1)) + 0.2 * nose
        n = np.sqrt(nx ** 2 + ny ** 2 + nz ** 2)
        self.normal = (nx / n, ny / n, nz / n)
        wob = self.noise(rng, 25)
        add = self.layers.append
        hair = soft_step(cy - 0.62 * ry - self.y + 18 * wob - 90 * u ** 2 + 60 * (abs(u) > 0.8), 1.2)
        add(("hair", np.maximum(hair, self.disc(cx, cy - 40, rx + 45, ry + 35, 1.2) * (self.body < 0.5) *
                                soft_step(cy + 120 - self.y, 20))))
        for side in (-1, 1):
            add(("brow", 0.9 * self.disc(cx + side * 110, cy - 95, 66, 13, 2, wob)))
            add(("eye", self.disc(cx + side * 110, cy - 50, 46, 18, 0.5)))
            add(("iris", self.disc(cx + side * 110, cy - 50, 17, 17, 0.5)))
            add(("nostril", self.disc(cx + side * 24, cy + 106, 14, 8, 0.6)))
        add(("lips", self.disc(cx, cy + 190, 84, 26, 1.0, 0.5 * wob)))
        add(("shirt", soft_step(self.y - cy - ry - 45 + 0.0008 * (self.x - cx) ** 2, 0.5) * (self.y > cy + 200)))
        side = rng.choice([-1, 1])
        self.region = self._blob(rng, cx + side * 145, cy + 95, 85, 85)
        self.control = self._blob(rng, cx, cy - 155, 90, 36) if rng.random() < 0.5 else \
            self._blob(rng, cx - side * 145, cy + 95, 70, 70)

    @staticmethod
    def _blob(rng, cx, cy, rx, ry):
        angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        r = 1 + 0.08 * rng.standard_normal(len(angle))
        return np.stack([cx + rx * r * np.cos(angle), cy + ry * r * np.sin(angle)], axis=1)

    def _color(self, rng):
        """Natural mottling: blood and melanin differ over the skin, moles, follicles."""
        self.h = 0.012 * self.noise(rng, 60) + 0.010 * self.noise(rng, 12) + 0.008 * self.noise(rng, 3)
        self.m = 0.012 * self.noise(rng, 90) + 0.008 * self.noise(rng, 10) + 0.005 * self.noise(rng, 2)
        for _ in range(rng.integers(4, 16)):
            cx, cy, r = rng.uniform(0, WIDTH), rng.uniform(50, HEIGHT - 50), rng.uniform(1.5, 6)
            self.m += rng.uniform(0.05, 0.3) * self.disc(cx, cy, r, r * rng.uniform(0.8, 1.2), 1.0)
        if self.face:                           # cheeks and nose are redder than the forehead
            self.h += 0.03 * np.exp(-((self.y - 500) / 130) ** 2)

    def _relief(self, rng):
        """Log brightness of pores, creases and fine hairs."""
        pores = np.maximum(self.noise(rng, 1.2) - 1.4, 0)
        creases = -np.abs(self.noise(rng, 5)) + 0.8
        stretched = cv2.GaussianBlur(rng.standard_normal(self.shape).astype(np.float32), (0, 0),
                                     sigmaX=9 * self.scale, sigmaY=1.2 * self.scale)
        self.relief = -0.05 * pores + 0.012 * creases + 0.018 * stretched / stretched.std() + 0.01 * self.noise(rng, 2.5)
        self.relief += 0.02 * self.noise(rng, 35)
        lines = np.zeros(self.shape, np.uint8)
        for _ in range(rng.integers(0, 120)):
            x0, y0 = rng.uniform(0, WIDTH), rng.uniform(100, 800)
            angle, bend, length = rng.normal(0.8, 0.3), rng.normal(0, 0.02), rng.uniform(15, 55)
            t = np.linspace(0, length, 8)
            points = np.stack([x0 + t * np.cos(angle + bend * t), y0 + t * np.sin(angle + bend * t)], axis=1)
            cv2.polylines(lines, [np.int32((points + MARGIN) * self.scale * 8)], False, 255, 1, cv2.LINE_AA, 3)
        self.relief -= 0.35 * cv2.GaussianBlur(lines, (0, 0), 0.5 * self.scale).astype(np.float32) / 255

    def inside(self, polygon, soft):
        """A soft mask of a polygon (canvas units)."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [np.int32(np.round((polygon + MARGIN) * self.scale))], 255)
        return cv2.GaussianBlur(mask, (0, 0), soft * self.scale).astype(np.float32) / 255

    def treatment(self, rng, redness, pigment):
        """More blood and melanin: (m, h) to add, mean over the region about the amounts (OD)."""
        region = self.inside(self.region, 5)
        h = m = np.zeros(self.shape, np.float32)
        if redness:
            form = 1 + 0.25 * self.noise(rng, 25) + 0.12 * self.noise(rng, 5)
            if rng.random() < 0.4:              # patchy
                form = form * (0.25 + 1.3 * soft_step(self.noise(rng, 30) + 0.2, 0.25))
            h = region * np.maximum(form, 0)
            h = h * redness / h[region > 0.5].mean()
        if pigment:
            form = soft_step(self.noise(rng, 28) + 0.1, 0.15) * (1 + 0.2 * self.noise(rng, 6))
            m = region * np.maximum(form, 0)
            m = m * pigment / m[region > 0.5].mean()
        return m, h
