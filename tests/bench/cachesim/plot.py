#!/usr/bin/python3
"""Draws what cachesim printed, as an SVG: the miss ratio over the size.

Example:
  cachesim > misses.csv && tests/bench/cachesim/plot.py < misses.csv > misses.svg
"""

import csv
import sys

WIDTH, HEIGHT, MARGIN = 320, 220, 40
COLOURS = {"tinylfu": "#c03030", "s3fifo": "#208040", "lru": "#3050c0",
           "fifo": "#808080"}


def points_of(rows):
    """Rows of one trace, as {policy: [(size, miss ratio)]}."""
    points = {}
    for row in rows:
        points.setdefault(row["policy"], []).append(
            (float(row["size"]), float(row["miss_ratio"])))
    return points


def panel(name, points, left):
    """The drawing of one trace, `left` pixels from the left edge."""
    sizes = [size for line in points.values() for size, _ in line]
    most = max(sizes)
    lines = [f'<text x="{left + MARGIN}" y="20">{name}</text>']
    right, bottom = left + WIDTH - 10, HEIGHT - MARGIN
    lines.append(f'<polyline fill="none" stroke="black" points="'
                 f'{left + MARGIN},30 {left + MARGIN},{bottom} '
                 f'{right},{bottom}"/>')
    for ratio in (0, 0.5, 1):
        lines.append(f'<text x="{left + 5}" '
                     f'y="{bottom - ratio * (bottom - 30) + 4}">{ratio}</text>')
    for number, (policy, line) in enumerate(points.items()):
        drawn = " ".join(
            f"{left + MARGIN + size / most * (right - left - MARGIN):.1f},"
            f"{bottom - ratio * (bottom - 30):.1f}"
            for size, ratio in sorted(line))
        colour = COLOURS.get(policy, "black")
        lines.append(f'<polyline fill="none" stroke="{colour}" '
                     f'points="{drawn}"/>')
        lines.append(f'<text x="{left + MARGIN + 70 * number}" '
                     f'y="{HEIGHT - 8}" fill="{colour}">{policy}</text>')
    lines.append(f'<text x="{right - 30}" y="{bottom + 14}">{most:g}</text>')
    return lines


def main():
    traces = {}
    for row in csv.DictReader(sys.stdin):
        traces.setdefault(row["trace"], []).append(row)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" '
          f'font-size="11" width="{WIDTH * len(traces)}" height="{HEIGHT}">')
    for number, (name, rows) in enumerate(traces.items()):
        print("\n".join(panel(name, points_of(rows), number * WIDTH)))
    print("</svg>")


main()
