"""A dot plot on a logarithmic axis as SVG: no image engine is needed, and a diff shows what moved."""

import math
from collections.abc import Mapping, Sequence
from html import escape

ROW, LEFT, RIGHT, TOP, WIDTH = 22, 150, 20, 56, 760
COLOURS = ("#0b6e4f", "#c44536", "#e09f3e", "#8d99ae")
INK, GRID = "#6b7280", "#d1d5db"  # readable on white and on black


def dots(rows: Sequence[str], series: Mapping[str, Sequence[float]], *, title: str) -> str:
    """One row of dots for each name in `rows`; each series has one value a row, all above 0.

    >>> "<circle" in dots(["a", "b"], {"ours": [10.0, 100.0]}, title="delay")
    True
    """
    values = [value for of in series.values() for value in of]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    height = TOP + ROW * len(rows) + 30

    def across(value: float) -> float:
        return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>',
    ]
    for number, name in enumerate(series):
        left = LEFT + 150 * number
        parts.append(f'<circle cx="{left + 5}" cy="36" r="5" fill="{COLOURS[number]}"/>')
        parts.append(f'<text x="{left + 15}" y="40">{escape(name)}</text>')
    for power in range(low, high + 1):
        x, bottom = across(10.0**power), TOP + ROW * len(rows)
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{TOP}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(f'<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle">{10**power:,}</text>')
    for number, name in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        for colour, of in zip(COLOURS, series.values(), strict=False):
            parts.append(f'<circle cx="{across(of[number]):.1f}" cy="{y}" r="5" fill="{colour}"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
