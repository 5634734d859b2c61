"""Draws what tests/bench/overload measured, as SVG."""

WIDTH, HEIGHT, MARGIN = 420, 260, 48
COLORS = {"native": "#1b6ca8", "grpc": "#c4622d"}
TEXT = 'font-family="sans-serif" font-size="12" fill="#444"'


class Panel:
    """One pair of axes, its lower left corner at (left, bottom)."""

    def __init__(self, left, title, x_title, x_range, x_labels):
        self._left = left
        self._x_range = x_range
        self._bottom = HEIGHT - MARGIN
        self.parts = []
        self._text(left + (WIDTH - MARGIN) / 2, 18, title, "middle")
        self._text(left + (WIDTH - MARGIN) / 2, HEIGHT - 8, x_title, "middle")
        for share in (0, 0.5, 1):
            y = self._y(share)
            self._line(left, y, left + WIDTH - MARGIN, y)
            self._text(left - 6, y + 4, f"{share:.0%}", "end")
        for x in x_labels:
            self._text(self._x(x), self._bottom + 16, f"{x:g}", "middle")

    def _x(self, x):
        low, high = self._x_range
        return self._left + (x - low) / (high - low) * (WIDTH - MARGIN)

    def _y(self, share):
        return self._bottom - share * (self._bottom - 40)

    def _text(self, x, y, text, anchor):
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" {TEXT} '
                          f'text-anchor="{anchor}">{text}</text>')

    def _line(self, x1, y1, x2, y2):
        self.parts.append(f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" '
                          f'y2="{y2:.0f}" stroke="#ccc"/>')

    def band(self, low, high, text):
        """Marks a stretch of the x axis."""
        self.parts.append(
            f'<rect x="{self._x(low):.0f}" y="{self._y(1.1):.0f}" '
            f'width="{self._x(high) - self._x(low):.0f}" '
            f'height="{self._y(0) - self._y(1.1):.0f}" fill="#f3e3e3"/>')
        self._text(self._x((low + high) / 2), self._y(1.03), text, "middle")

    def curve(self, points, color):
        """Points of (x, share)."""
        path = " ".join(f"{self._x(x):.1f},{self._y(min(share, 1.1)):.1f}"
                        for x, share in points)
        self.parts.append(f'<polyline points="{path}" fill="none" '
                          f'stroke="{color}" stroke-width="2"/>')

    def name(self, number, text, color):
        """A line of the legend."""
        y = self._y(0.3) + 18 * number
        self.parts.append(
            f'<rect x="{self._left + 12}" y="{y - 9:.0f}" width="12" '
            f'height="3" fill="{color}"/>')
        self._text(self._left + 30, y - 4, text, "start")


def draw(results):
    """`results`: for each transport its `curve`, multiple -> share, and its
    `recovery`, a list of (seconds since the burst ended, share)."""
    curve = Panel(MARGIN, "Answered within 50 ms, of the peak",
                  "offered, times the capacity", (0, 10), (1, 2, 5, 10))
    recovery = Panel(2 * MARGIN + WIDTH,
                     "A load of 0.7 times the capacity, of what it was",
                     "seconds since 10 times the capacity ended", (-16, 6),
                     (-15, -10, -5, 0, 5))
    recovery.band(-10, 0, "10 x, with retries")
    for number, (transport, result) in enumerate(results.items()):
        color = COLORS[transport]
        points = [(0, 0), *result["curve"].items()]
        curve.curve(points, color)
        curve.name(number, transport, color)
        recovery.curve([(at, share) for at, share in result["recovery"]
                        if -16 <= at <= 6], color)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (WIDTH + MARGIN)}"'
        f' height="{HEIGHT}">',
        '<rect width="100%" height="100%" fill="white"/>',
        *curve.parts, *recovery.parts, "</svg>", ""])
