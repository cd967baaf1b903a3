"""Waits as a picture: of 100 people, how many waited longer than so many minutes.

Plain SVG by hand: one polyline for each group and two axes are less than what a plotting library would bring to an office's mini PC (a
hundred megabytes with its arrays), and the same numbers give the same bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from html import escape
from math import ceil

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 24, 56, 56
# Okabe and Ito's colours, which colour-blind eyes tell apart, with dashes for paper without colours.
STROKES = (("#0072B2", ""), ("#D55E00", "8 4"), ("#009E73", "2 4"), ("#CC79A7", "12 4 2 4"), ("#56B4E9", "6 6"), ("#333333", "1 3"))
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 240)


def waits_chart(title: str, groups: Mapping[str, Sequence[float]]) -> str:
    """An SVG document. `groups`: minutes waited, by the name in the legend; a group of nobody is left out."""
    ordered = {name: sorted(minutes) for name, minutes in groups.items() if minutes}
    longest = max((minutes[-1] for minutes in ordered.values()), default=1)
    step = next((step for step in STEPS if longest / step <= 12), ceil(longest / 12))
    most = max(ceil(longest / step), 1) * step

    def x(minutes: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * minutes / most

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="16" font-weight="bold">{escape(title)}</text>',
        f'<text x="{LEFT}" y="44" fill="#555">Of 100 people, so many waited longer than …</text>',
    ]
    for tenth in range(0, 11, 2):
        level = y(tenth / 10)
        lines.append(f'<path d="M{LEFT} {level:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">{tenth * 10}</text>')
    for minutes in range(0, most + 1, step):
        lines.append(f'<text x="{x(minutes):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{minutes}</text>')
    lines.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end">minutes</text>')
    for number, (name, minutes) in enumerate(ordered.items()):
        colour, dashes = STROKES[number % len(STROKES)]
        pen = f'fill="none" stroke="{colour}" stroke-width="2.5"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
        ticks = [most * n / 240 for n in range(241)]
        points = " ".join(f"{x(t):.1f},{y(1 - bisect_right(minutes, t) / len(minutes)):.1f}" for t in ticks)
        lines.append(f'<polyline points="{points}" {pen}/>')
        row = TOP + 14 + 20 * number
        lines.append(f'<path d="M{WIDTH - 250} {row}h36" {pen}/>')
        lines.append(f'<text x="{WIDTH - 206}" y="{row + 4}">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])
