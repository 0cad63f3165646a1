"""Draw the pictures and the clip that the sample diary entries carry.

Run from anywhere, with Pillow installed and ffmpeg on the PATH::

    python data/make_attachments.py

It writes eight PNG pictures and one WebM clip to ``data/attachments/``, lists
them in ``data/attachments.csv``, and brings the sizes and hashes in
``data/datapackage.json`` up to date.

Each scene is one function. Scenes are written in units of a 320 x 240 page
and drawn four times larger, then made smaller: that is what smooths the edges.
No fonts and no clock are used, and chance comes from fixed seeds, so the
pictures have the same pixels on every machine. Their bytes are the same for
the same version of Pillow. The clip's bytes depend on the version of ffmpeg;
``--pictures-only`` leaves the clip as it is.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import json
import math
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "attachments"
WIDTH, HEIGHT = 320, 240
SCALE = 4
FRAMES_PER_SECOND = 20
CLIP_FRAMES = 50

Colour = str | tuple[int, int, int] | tuple[int, int, int, int]
Point = tuple[float, float]

INK = "#2b2d42"
NIGHT = ("#141b3c", "#3d3f7d")
MOON = "#fdf0c4"
CRATER = "#f3dfa0"
RED = "#d8413c"
WHITE = "#fbfaf5"


# --- the drawing board -------------------------------------------------------


class Page:
    """A page of 320 x 240 units, drawn large and handed out small."""

    def __init__(self, top: str, bottom: str | None = None) -> None:
        self.image = _gradient(top, bottom or top)
        self.pen = ImageDraw.Draw(self.image, "RGBA")

    def rect(self, x: float, y: float, w: float, h: float, fill: Colour, corner: float = 0) -> None:
        box = _scaled((x, y, x + w, y + h))
        self.pen.rounded_rectangle(box, radius=int(corner * SCALE), fill=fill)

    def oval(self, cx: float, cy: float, rx: float, ry: float, fill: Colour) -> None:
        self.pen.ellipse(_scaled((cx - rx, cy - ry, cx + rx, cy + ry)), fill=fill)

    def disc(self, cx: float, cy: float, r: float, fill: Colour) -> None:
        self.oval(cx, cy, r, r, fill)

    def pie(
        self,
        cx: float,
        cy: float,
        rx: float,
        ry: float,
        start: float,
        end: float,
        fill: Colour,
    ) -> None:
        box = _scaled((cx - rx, cy - ry, cx + rx, cy + ry))
        self.pen.pieslice(box, start, end, fill=fill)

    def shape(self, points: Sequence[Point], fill: Colour) -> None:
        self.pen.polygon([_point(p) for p in points], fill=fill)

    def line(self, points: Sequence[Point], fill: Colour, width: float = 2) -> None:
        """A line with round joints and round ends."""
        self.pen.line(
            [_point(p) for p in points],
            fill=fill,
            width=int(width * SCALE),
            joint="curve",
        )
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, fill)

    def ring(self, cx: float, cy: float, r: float, fill: Colour, width: float = 2) -> None:
        box = _scaled((cx - r, cy - r, cx + r, cy + r))
        self.pen.ellipse(box, outline=fill, width=int(width * SCALE))

    def arc(
        self,
        cx: float,
        cy: float,
        rx: float,
        ry: float,
        start: float,
        end: float,
        fill: Colour,
        width: float = 2,
    ) -> None:
        """Part of an ellipse; angles in degrees, clockwise from the right."""
        steps = range(25)
        angles = [math.radians(start + (end - start) * step / 24) for step in steps]
        self.line(
            [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles],
            fill,
            width,
        )

    def glow(self, cx: float, cy: float, r: float, colour: tuple[int, int, int]) -> None:
        """Soft light: many faint discs on top of each other."""
        for step in range(12, 0, -1):
            self.disc(cx, cy, r * step / 12, (*colour, 14))

    def moon(self, cx: float, cy: float, r: float) -> None:
        self.glow(cx, cy, r * 1.7, (253, 240, 196))
        self.disc(cx, cy, r, MOON)
        for dx, dy, size in (
            (-0.35, -0.3, 0.2),
            (0.3, 0.1, 0.26),
            (-0.2, 0.45, 0.13),
            (0.2, -0.5, 0.1),
        ):
            self.disc(cx + dx * r, cy + dy * r, size * r, CRATER)

    def stars(self, seed: int, count: int, below: float = 110) -> None:
        chance = random.Random(seed)
        for _ in range(count):
            x, y, r = (
                chance.random() * WIDTH,
                chance.random() * below,
                0.6 + chance.random(),
            )
            self.disc(x, y, r, (255, 250, 225, 190))

    def heart(self, cx: float, cy: float, size: float, fill: Colour) -> None:
        turns = [math.tau * step / 60 for step in range(60)]
        self.shape(
            [
                (
                    cx + size * 16 * math.sin(t) ** 3 / 16,
                    cy
                    - size
                    * (
                        13 * math.cos(t)
                        - 5 * math.cos(2 * t)
                        - 2 * math.cos(3 * t)
                        - math.cos(4 * t)
                    )
                    / 16,
                )
                for t in turns
            ],
            fill,
        )

    def finished(self) -> Image.Image:
        return self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _scaled(
    box: tuple[float, float, float, float],
) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return left * SCALE, top * SCALE, right * SCALE, bottom * SCALE


def _point(point: Point) -> Point:
    return point[0] * SCALE, point[1] * SCALE


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _gradient(top: str, bottom: str) -> Image.Image:
    """A page that fades in eight flat bands: small files, and it looks printed."""
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), top)
    pen = ImageDraw.Draw(image)
    first, last = _rgb(top), _rgb(bottom)
    for band in range(8):
        colour = tuple(round(a + (b - a) * band / 7) for a, b in zip(first, last))
        start = HEIGHT * SCALE * band // 8
        pen.rectangle((0, start, WIDTH * SCALE, HEIGHT * SCALE), fill=colour)
    return image


# --- the scenes --------------------------------------------------------------


def moon_over_dice() -> Image.Image:
    page = Page(*NIGHT)
    page.stars(seed=1, count=26)
    page.moon(236, 62, 36)
    page.oval(160, 216, 176, 66, "#6e3b2a")
    page.oval(160, 210, 170, 60, "#9a5a3c")
    page.oval(160, 226, 72, 16, (60, 30, 25, 110))
    page.pie(160, 176, 84, 58, 0, 180, "#dfe8f0")
    page.arc(160, 196, 70, 18, 20, 160, "#4a7fb5", 3)
    page.oval(160, 176, 84, 32, WHITE)
    page.oval(160, 178, 76, 27, "#c9d8e6")
    for x, y, spots in (
        (112, 168, 4),
        (142, 162, 1),
        (172, 164, 4),
        (202, 168, 6),
        (128, 182, 4),
        (176, 183, 2),
    ):
        _die(page, x, y, spots)
    return page.finished()


def _die(page: Page, x: float, y: float, spots: int) -> None:
    """One die of the mid-autumn game, where the one and the four are red."""
    layouts: dict[int, tuple[Point, ...]] = {
        1: ((0, 0),),
        2: ((-1, -1), (1, 1)),
        4: ((-1, -1), (1, -1), (-1, 1), (1, 1)),
        6: ((-1, -1), (-1, 0), (-1, 1), (1, -1), (1, 0), (1, 1)),
    }
    page.rect(x - 1, y - 1, 19, 20, "#93a7ba", corner=5)
    page.rect(x, y - 2, 18, 18, WHITE, corner=4)
    for dx, dy in layouts[spots]:
        colour = RED if spots in (1, 4) else INK
        page.disc(x + 9 + dx * 4.4, y + 7 + dy * 4.4, 3.2 if spots == 1 else 1.9, colour)


def ten_in_a_row() -> Image.Image:
    page = Page("#cfe8ef", "#eef6ee")
    page.rect(0, 176, WIDTH, 64, "#c8cfc4")
    for x, height in ((96, 58), (134, 78), (178, 50), (214, 90), (262, 64)):
        page.rect(x, 150 - height, 34, height + 26, "#b5d3d8")
    page.rect(14, 110, 4, 76, "#7b8794")
    page.rect(78, 110, 4, 76, "#7b8794")
    page.shape([(4, 112), (48, 78), (92, 112)], "#3a86a8")
    page.rect(4, 110, 88, 8, "#2f6f8c")
    _figure(page, 38, 182, "#ffffff", hood=True, tall=1.2)
    page.rect(50, 158, 34, 6, "#8d6e54", corner=2)
    page.rect(54, 164, 4, 22, "#6f5541")
    page.rect(76, 164, 4, 22, "#6f5541")
    colours = (
        "#e76f51",
        "#2a9d8f",
        "#e9c46a",
        "#5f6caf",
        "#f28ba8",
        "#588157",
        "#bc6c25",
        "#3d5a80",
        "#c05299",
        "#457b9d",
    )
    sizes = (1.0, 1.1, 0.95, 1.15, 0.7, 1.05, 1.1, 0.9, 0.65, 1.05)
    for place, (colour, tall) in enumerate(zip(colours, sizes)):
        spot = 104 + place * 22.3
        page.oval(spot, 190, 9, 3.6, "#f4d35e")
        _figure(page, spot, 189, colour, tall=tall)
    page.line([(96, 204), (314, 204)], "#f4d35e", 3)
    return page.finished()


def _figure(
    page: Page,
    x: float,
    foot: float,
    colour: str,
    *,
    hood: bool = False,
    tall: float = 1,
) -> None:
    """A person with a mask, seen from the front, standing at (x, foot)."""
    body = 34 * tall
    top = foot - body - 12
    page.rect(x - 5, foot - 14, 4, 14, colour if hood else INK, corner=1.5)
    page.rect(x + 1, foot - 14, 4, 14, colour if hood else INK, corner=1.5)
    page.rect(x - 8, top + 10, 16, body - 10, colour, corner=6)
    page.disc(x, top + 5, 8.2 if hood else 7.6, colour if hood else "#4a3b35")
    page.disc(x, top + 6.5, 6.4, "#f2cda9")
    page.rect(x - 5.4, top + 7, 10.8, 5.2, "#8ecae6" if hood else WHITE, corner=2.4)


def night_call() -> Image.Image:
    page = Page("#1a1f42", "#232a57")
    page.rect(186, 18, 116, 110, "#3b4378", corner=3)
    page.rect(192, 24, 104, 98, "#11173a")
    page.disc(268, 48, 11, MOON)
    page.disc(265, 46, 2.4, CRATER)
    page.disc(272, 51, 3, CRATER)
    for x, h in ((194, 34), (214, 52), (236, 40), (256, 30), (276, 46)):
        page.rect(x, 122 - h, 18, h, "#232c5e")
        page.rect(x + 4, 128 - h, 3, 4, "#f6d365")
        page.rect(x + 11, 138 - h, 3, 4, "#f6d365")
    page.rect(242, 24, 4, 98, "#3b4378")
    page.rect(0, 196, WIDTH, 44, "#4c3a4a")
    page.rect(0, 196, WIDTH, 5, "#65505f")
    page.glow(112, 130, 112, (150, 220, 255))
    page.rect(76, 60, 72, 136, "#0c1026", corner=11)
    page.rect(81, 68, 62, 118, "#bfe9f7", corner=5)
    page.disc(112, 104, 18, "#7fc8de")
    page.disc(112, 99, 7, WHITE)
    page.pie(112, 118, 13, 12, 180, 360, WHITE)
    page.disc(98, 160, 10, RED)
    page.disc(126, 160, 10, "#43aa6b")
    _receiver(page, 98, 163, turn=225)
    _receiver(page, 128, 158, turn=90)
    for r in (12, 20, 28):
        page.arc(154, 62, r, r, -70, 10, (191, 233, 247, 200), 2.4)
        page.arc(70, 62, r, r, 170, 250, (191, 233, 247, 200), 2.4)
    page.rect(208, 176, 30, 20, "#d9d2c5", corner=4)
    page.ring(240, 185, 6, "#d9d2c5", 3)
    return page.finished()


def _receiver(page: Page, x: float, y: float, turn: float) -> None:
    """The old telephone receiver that still stands for a call."""
    page.arc(x, y, 5.4, 5.4, turn, turn + 90, WHITE, 2.2)
    for angle in (math.radians(turn), math.radians(turn + 90)):
        page.disc(x + 5.2 * math.cos(angle), y + 5.2 * math.sin(angle), 2.1, WHITE)


def mooncake() -> Image.Image:
    page = Page("#2f6f73", "#3f8a86")
    page.oval(160, 170, 140, 54, (20, 60, 62, 120))
    page.oval(160, 160, 138, 54, "#e9eef0")
    page.oval(160, 157, 116, 43, WHITE)
    _scallop(page, 128, 146, 68, 46, "#9c5a24")
    page.rect(64, 118, 128, 28, "#9c5a24", corner=6)
    _scallop(page, 128, 116, 68, 46, "#b9722f")
    _scallop(page, 128, 114, 63, 42, "#d99245")
    page.oval(128, 114, 46, 30, "#b9722f")
    page.oval(128, 114, 43, 27.5, "#e0a155")
    for petal in range(8):
        angle = math.tau * petal / 8
        page.oval(128 + 26 * math.cos(angle), 114 + 16.5 * math.sin(angle), 8.5, 6, "#b9722f")
        page.oval(128 + 26 * math.cos(angle), 114 + 16.5 * math.sin(angle), 6, 4, "#efb86e")
    page.oval(128, 114, 10, 7, "#b9722f")
    page.shape([(200, 170), (262, 146), (262, 166), (200, 194)], "#7a3f1d")
    page.shape([(262, 146), (274, 166), (274, 180), (262, 166)], "#9c5a24")
    page.shape([(200, 170), (200, 194), (274, 184), (274, 164)], "#7a3f1d")
    page.shape([(200, 170), (200, 176), (274, 170), (274, 160)], "#b9722f")
    page.shape([(196, 168), (258, 140), (272, 150), (276, 162)], "#d99245")
    page.oval(234, 180, 13, 6.5, "#f5a623")
    page.oval(234, 179, 9, 4, "#f9bf4f")
    return page.finished()


def _scallop(page: Page, cx: float, cy: float, rx: float, ry: float, fill: Colour) -> None:
    page.oval(cx, cy, rx * 0.93, ry * 0.93, fill)
    for bump in range(20):
        angle = math.tau * bump / 20
        page.oval(
            cx + rx * 0.9 * math.cos(angle),
            cy + ry * 0.9 * math.sin(angle),
            rx * 0.15,
            ry * 0.15,
            fill,
        )


def rain_window() -> Image.Image:
    page = Page("#e8d9c3", "#dcc9ae")
    page.rect(50, 24, 220, 156, "#7f95a5")
    page.oval(110, 42, 58, 20, "#6a8090")
    page.oval(192, 38, 76, 20, "#72889a")
    page.shape(
        [(50, 180), (50, 150), (110, 132), (180, 152), (270, 138), (270, 180)],
        "#5d7a6c",
    )
    _bent_palm(page, 242, 184)
    chance = random.Random(5)
    for _ in range(70):
        x, y, run = (
            52 + chance.random() * 208,
            26 + chance.random() * 130,
            10 + chance.random() * 10,
        )
        page.line([(x + run * 0.45, y), (x, y + run)], (226, 238, 245, 190), 1.1)
    for x, y, w, h in (
        (40, 14, 240, 10),
        (40, 14, 10, 176),
        (270, 14, 10, 176),
        (155, 24, 10, 156),
        (50, 96, 220, 8),
    ):
        page.rect(x, y, w, h, "#8a5a3b")
    page.rect(26, 188, 268, 14, "#a06f4b", corner=3)
    page.shape([(72, 162), (108, 162), (102, 190), (78, 190)], "#c8553d")
    page.rect(68, 156, 44, 9, "#db6a50", corner=3)
    for dx, dy in ((-24, -32), (-10, -44), (10, -42), (24, -30)):
        page.line(
            [(90, 157), (90 + dx * 0.6, 157 + dy * 0.7), (90 + dx, 157 + dy)],
            "#3f7d4e",
            5,
        )
    page.rect(214, 166, 26, 24, WHITE, corner=4)
    page.ring(243, 177, 7, WHITE, 3)
    for x in (221, 230):
        page.line(
            [(x, 160), (x + 3, 154), (x - 1, 148), (x + 2, 141)],
            (255, 255, 255, 170),
            2,
        )
    return page.finished()


def _bent_palm(page: Page, x: float, foot: float) -> None:
    page.line(
        [(x, foot), (x + 4, foot - 38), (x - 8, foot - 72), (x - 26, foot - 96)],
        "#6b4f3a",
        6,
    )
    for dx, dy in ((-40, 6), (-38, -12), (-34, 24), (-12, -22), (-14, 30)):
        crown = (x - 26, foot - 96)
        page.line(
            [
                crown,
                (crown[0] + dx * 0.55, crown[1] + dy * 0.5 - 7),
                (crown[0] + dx, crown[1] + dy),
            ],
            "#33614a",
            6,
        )


def new_wedding_date() -> Image.Image:
    page = Page("#f3d9d2", "#efcfc6")
    page.rect(64, 22, 200, 206, (120, 60, 50, 70), corner=4)
    page.rect(58, 16, 200, 206, WHITE, corner=4)
    page.rect(58, 16, 200, 44, RED, corner=4)
    page.rect(58, 48, 200, 12, RED)
    page.disc(158, 16, 6, "#f4d35e")
    page.ring(148, 40, 12, "#f4d35e", 3)
    page.ring(166, 40, 12, "#f4d35e", 3)
    for row in range(5):
        for column in range(7):
            weekend = "#f6ddd6" if column > 4 else "#ebe7dd"
            page.rect(70 + column * 25.6, 72 + row * 29, 22, 24, weekend, corner=3)
    old, new = (
        (70 + 5 * 25.6 + 11, 72 + 29 + 12),
        (70 + 2 * 25.6 + 11, 72 + 4 * 29 + 12),
    )
    page.line([(old[0] - 8, old[1] - 8), (old[0] + 8, old[1] + 8)], "#8d99ae", 3.4)
    page.line([(old[0] + 8, old[1] - 8), (old[0] - 8, old[1] + 8)], "#8d99ae", 3.4)
    tip = (new[0], new[1] - 13)
    page.arc(old[0], tip[1] - 6, old[0] - new[0], tip[1] - 6 - old[1] - 14, 270, 180, INK, 3)
    page.shape([(tip[0] - 7, tip[1] - 11), (tip[0] + 7, tip[1] - 11), tip], INK)
    page.heart(new[0], new[1], 12, RED)
    return page.finished()


def delivery_bike() -> Image.Image:
    page = Page("#fbe3c0", "#fdf3e3")
    page.disc(58, 56, 24, "#f6b26b")
    for x, h in (
        (0, 90),
        (44, 62),
        (88, 104),
        (136, 74),
        (184, 116),
        (232, 80),
        (278, 100),
    ):
        page.rect(x, 188 - h, 42, h, "#efcfa4")
    page.rect(0, 188, WIDTH, 52, "#8f97a3")
    for x in range(8, WIDTH, 52):
        page.rect(x, 212, 28, 4, "#f5f1e6", corner=2)
    for x, y, w in ((20, 120, 34), (8, 140, 40), (28, 160, 24)):
        page.line([(x, y), (x + w, y)], WHITE, 3)
    for x in (110, 222):
        page.disc(x, 182, 21, INK)
        page.disc(x, 182, 10, "#c9ced6")
    page.line([(110, 180), (132, 158), (186, 172), (200, 164), (212, 118)], "#2a9d8f", 9)
    page.line([(222, 182), (206, 122)], "#238277", 6)
    page.line([(196, 112), (216, 114)], INK, 5)
    page.disc(219, 128, 6, "#fff1b0")
    page.rect(108, 146, 52, 10, INK, corner=5)
    page.rect(76, 92, 46, 50, "#e9a23b", corner=4)
    page.rect(76, 92, 46, 12, "#cf8724", corner=4)
    page.line([(100, 142), (104, 156)], INK, 4)
    page.line([(142, 144), (176, 148), (180, 168)], "#3d5a80", 13)
    page.rect(172, 166, 22, 8, INK, corner=3)
    page.line([(142, 138), (150, 104)], "#e76f51", 24)
    page.line([(152, 104), (176, 122), (200, 112)], "#d95f43", 9)
    page.disc(156, 76, 17, "#f2cda9")
    page.pie(155, 74, 20, 20, 170, 368, "#2a9d8f")
    page.rect(158, 78, 17, 11, WHITE, corner=4)
    return page.finished()


def child_drawing() -> Image.Image:
    page = Page("#fffdf4")
    crayon = Crayon(page, random.Random(8))
    for n, colour in enumerate(("#e4572e", "#f3a712", "#76b041", "#3f88c5", "#8e5aa8")):
        crayon.arc(160, 150, 142 - n * 8, 118 - n * 8, 205, 335, colour)
    crayon.scribble(46, 42, 20, "#f7b801")
    for ray in range(8):
        a = math.tau * ray / 8
        crayon.line(
            [
                (46 + 25 * math.cos(a), 42 + 25 * math.sin(a)),
                (46 + 36 * math.cos(a), 42 + 36 * math.sin(a)),
            ],
            "#f7b801",
        )
    crayon.line([(222, 204), (222, 148), (292, 148), (292, 204), (222, 204)], "#8d5a3a")
    crayon.line([(214, 148), (257, 108), (300, 148), (214, 148)], "#e4572e")
    crayon.line([(248, 204), (248, 174), (268, 174), (268, 204)], "#3f88c5")
    _stick_person(crayon, 112, 204, 88, "#3f88c5", coat=True)
    _stick_person(crayon, 176, 204, 60, "#d64a87", coat=False)
    crayon.line([(130, 154), (164, 158)], "#444444")
    crayon.scribble(166, 158, 3, "#999999")
    page.heart(146, 112, 12, (228, 60, 70, 190))
    for x in range(10, 312, 7):
        crayon.line([(x, 216), (x + 3, 206)], "#76b041")
    crayon.line([(4, 217), (316, 217)], "#76b041")
    return page.finished()


class Crayon:
    """Lines by a small hand: two uneven strokes, a little apart."""

    def __init__(self, page: Page, chance: random.Random) -> None:
        self.page, self.chance = page, chance

    def line(self, points: Sequence[Point], colour: str) -> None:
        for _ in range(2):
            self.page.line([self._shaken(p) for p in _between(points)], (*_rgb(colour), 200), 2)

    def arc(
        self,
        cx: float,
        cy: float,
        rx: float,
        ry: float,
        start: float,
        end: float,
        colour: str,
    ) -> None:
        angles = [math.radians(start + (end - start) * step / 20) for step in range(21)]
        self.line([(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles], colour)

    def scribble(self, cx: float, cy: float, r: float, colour: str) -> None:
        self.arc(cx, cy, r, r, 0, 370, colour)
        zigzag = [
            (
                cx + r * 0.8 * (-1) ** n * math.sqrt(max(0, 1 - (n / 6 - 1) ** 2)),
                cy + r * (n / 6 - 1),
            )
            for n in range(13)
        ]
        self.line(zigzag, colour)

    def _shaken(self, point: Point) -> Point:
        return point[0] + self.chance.random() * 2.4 - 1.2, point[
            1
        ] + self.chance.random() * 2.4 - 1.2


def _between(points: Sequence[Point], step: float = 14) -> Iterator[Point]:
    """The points of a line, and more points on the way where it is long."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        parts = max(1, round(math.hypot(x1 - x0, y1 - y0) / step))
        yield from ((x0 + (x1 - x0) * n / parts, y0 + (y1 - y0) * n / parts) for n in range(parts))
    yield points[-1]


def _stick_person(
    crayon: Crayon, x: float, foot: float, tall: float, colour: str, *, coat: bool
) -> None:
    head, neck, hip = tall * 0.17, foot - tall * 0.66, foot - tall * 0.28
    crayon.arc(x, neck - head, head, head, 0, 370, "#444444")
    crayon.line(
        [(x - head * 0.8, neck - head * 0.7), (x + head * 0.8, neck - head * 0.7)],
        "#3f88c5",
    )
    for side in (-1, 1):
        crayon.line(
            [
                (x + side * head * 0.4, neck - head * 1.3),
                (x + side * head * 0.4 + 1, neck - head * 1.2),
            ],
            "#222222",
        )
        crayon.line([(x, neck + 6), (x + side * tall * 0.2, neck + tall * 0.16)], colour)
        crayon.line([(x + side * 4, hip), (x + side * tall * 0.1, foot)], colour)
    width = tall * (0.16 if coat else 0.2)
    crayon.line([(x, neck), (x - width, hip), (x + width, hip), (x, neck)], colour)


def moonrise() -> Iterator[Image.Image]:
    """The frames of the clip: a full moon comes up behind the hills by the sea."""
    for frame in range(CLIP_FRAMES):
        done = frame / (CLIP_FRAMES - 1)
        eased = 1 - (1 - done) ** 2
        page = Page(*NIGHT)
        page.stars(seed=9, count=22, below=90)
        page.moon(160, 178 - 116 * eased, 30)
        page.shape(
            [
                (0, 176),
                (0, 140),
                (60, 118),
                (118, 150),
                (176, 160),
                (240, 126),
                (320, 152),
                (320, 176),
            ],
            "#20264f",
        )
        page.rect(0, 172, WIDTH, 68, "#1b2350")
        for row in range(7 if eased > 0.1 else 0):
            width = (34 - row * 3) * eased * (1 if (row + frame // 5) % 2 else 0.7)
            page.rect(
                160 - width,
                178 + row * 8,
                2 * width,
                2.6,
                (253, 240, 196, 190),
                corner=1.3,
            )
        yield page.finished()


# --- writing the files -------------------------------------------------------


@dataclass(frozen=True)
class Attachment:
    """One file: its name, who draws it, and what it shows, in two languages."""

    name: str
    scene: Callable[[], Image.Image | Iterator[Image.Image]]
    alt: str
    alt_zh: str

    @property
    def path(self) -> Path:
        return FOLDER / self.name

    @property
    def media_type(self) -> str:
        return "video/webm" if self.path.suffix == ".webm" else "image/png"


ATTACHMENTS = (
    Attachment(
        "moon-over-dice.png",
        moon_over_dice,
        "A full moon over a round table; on it a bowl with six dice.",
        "圆桌上方一轮满月，桌上一只大碗，碗里六颗骰子。",
    ),
    Attachment(
        "ten-in-a-row.png",
        ten_in_a_row,
        "Ten people with masks stand in a row, each on a yellow mark, in front of a tent with a tester in white.",
        "十个戴口罩的人各站一个黄色标记，排成一列，前面帐篷里有一位穿白衣的采样员。",
    ),
    Attachment(
        "night-call.png",
        night_call,
        "A phone lights up and rings on a table at night; a dark city behind the window.",
        "深夜的桌上，一部手机亮着屏在响，窗外是暗下来的城市。",
    ),
    Attachment(
        "mooncake.png",
        mooncake,
        "A round mooncake on a white plate, with a cut piece that shows the yolk.",
        "白盘子里一块圆月饼，旁边切开的一角露出蛋黄。",
    ),
    Attachment(
        "rain-window.png",
        rain_window,
        "Heavy slanting rain and a bent palm tree behind a window; a plant and a warm cup on the sill.",
        "窗外大雨斜飞，棕榈树被风吹弯；窗台上一盆植物、一杯热茶。",
    ),
    Attachment(
        "new-wedding-date.png",
        new_wedding_date,
        "A calendar page with two rings: one day is crossed out, and an arrow leads to a later day with a heart.",
        "一页画着对戒的日历：一个日子被划掉，箭头指向后面画着红心的一天。",
    ),
    Attachment(
        "delivery-bike.png",
        delivery_bike,
        "A delivery rider with helmet and mask on a scooter with a yellow box, in an empty street.",
        "空荡的街上，一位戴头盔和口罩的骑手骑着电动车，车后是黄色的箱子。",
    ),
    Attachment(
        "child-drawing.png",
        child_drawing,
        "A child's crayon drawing: a tester in blue and a child with a mask, a heart, a house, a sun and a rainbow.",
        "一幅孩子的蜡笔画：穿蓝衣的采样员和戴口罩的小朋友，还有爱心、房子、太阳和彩虹。",
    ),
    Attachment(
        "moonrise.webm",
        moonrise,
        "A clip of two and a half seconds without sound: a full moon rises behind hills, and its light spreads on the sea.",
        "两秒半的无声短片：满月从山后升起，月光在海面上铺开。",
    ),
)


def write_picture(image: Image.Image, path: Path) -> None:
    """A palette PNG of 128 colours: small, and with no metadata at all."""
    palette = image.quantize(
        128, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
    )
    palette.save(path, optimize=True)


def write_clip(frames: Iterator[Image.Image], path: Path) -> None:
    """A silent VP9 clip. One thread and "bitexact": nothing about this machine goes in."""
    command = [
        "ffmpeg",
        "-y",
        "-loglevel",
        "error",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{WIDTH}x{HEIGHT}",
        "-r",
        str(FRAMES_PER_SECOND),
        "-i",
        "-",
        "-c:v",
        "libvpx-vp9",
        "-pix_fmt",
        "yuv420p",
        "-crf",
        "30",
        "-b:v",
        "0",
        "-threads",
        "1",
        "-row-mt",
        "0",
        "-map_metadata",
        "-1",
        "-fflags",
        "+bitexact",
        "-flags:v",
        "+bitexact",
        str(path),
    ]
    pixels = b"".join(frame.tobytes() for frame in frames)
    subprocess.run(command, input=pixels, check=True)


def write_table(path: Path) -> None:
    """``attachments.csv``: one row a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name", "media_type", "size", "sha256", "alt", "alt_zh", "made_by"))
        for item in ATTACHMENTS:
            content = item.path.read_bytes()
            digest = "0x" + hashlib.sha256(content).hexdigest()
            made_by = f"make_attachments.{item.scene.__name__}"
            writer.writerow(
                (
                    item.name,
                    item.media_type,
                    len(content),
                    digest,
                    item.alt,
                    item.alt_zh,
                    made_by,
                )
            )


def refresh_package(path: Path) -> None:
    """Bring ``bytes`` and ``hash`` of each attachment in the data package up to date."""
    package = json.loads(path.read_text("utf-8"))
    files = {f"attachments/{item.name}": item.path.read_bytes() for item in ATTACHMENTS}
    for resource in package["resources"]:
        if content := files.get(resource["path"]):
            resource["bytes"] = len(content)
            resource["hash"] = "sha256:" + hashlib.sha256(content).hexdigest()
    text = json.dumps(package, ensure_ascii=False, indent=2) + "\n"
    path.write_bytes(text.encode("utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Draw the attachments of the sample diary entries."
    )
    parser.add_argument("--pictures-only", action="store_true", help="leave the clip as it is")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for item in ATTACHMENTS:
        drawn = item.scene()
        if isinstance(drawn, Image.Image):
            write_picture(drawn, item.path)
        elif not options.pictures_only:
            write_clip(drawn, item.path)
    write_table(HERE / "attachments.csv")
    if (HERE / "datapackage.json").exists():
        refresh_package(HERE / "datapackage.json")


if __name__ == "__main__":
    main()
