"""Draws curves as SVG: panels side by side, each with lines over the same sizes, for light and dark pages."""

import math
from html import escape

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 300, 230, 52, 44, 46, 12
STYLE = """
text { font: 12px sans-serif; fill: #24292f } .axis { stroke: #8c959f } .grid { stroke: #8c959f; stroke-opacity: .25 }
.l0 { stroke: #0969da; fill: #0969da } .l1 { stroke: #bf5700; fill: #bf5700 } .l2 { stroke: #1a7f37; fill: #1a7f37 }
polyline { fill: none !important; stroke-width: 2 } text.l0, text.l1, text.l2 { stroke: none } .title { font-weight: bold }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .l0 { stroke: #58a6ff; fill: #58a6ff }
.l1 { stroke: #f0883e; fill: #f0883e } .l2 { stroke: #56d364; fill: #56d364 } }
"""


def short(number):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def ticks(maximum):
    """From zero to at least the maximum, in steps of 1, 2 or 5."""
    step = 10 ** math.floor(math.log10(maximum / 4 or 1))
    step *= next(factor for factor in (1, 2, 5, 10) if maximum / (step * factor) <= 4)
    return [step * number for number in range(math.ceil(maximum / step - 1e-9) + 1)]


def panel(title, sizes, lines, of, left):
    """`lines` by name, each a value for each size or None."""
    known = [value for values in lines.values() for value in values if value is not None]
    marks = ticks(max([*known, 1e-3]))
    low, high = math.log10(sizes[0]), math.log10(sizes[-1])
    right, floor = left + WIDTH - GAP, HEIGHT - BOTTOM
    x = lambda size: left + LEFT + 8 + (right - left - LEFT - 24) * ((math.log10(size) - low) / ((high - low) or 1))
    y = lambda value: floor - (floor - TOP) * value / marks[-1]
    parts = [f'<text class="title" x="{left + LEFT}" y="16">{escape(title)}</text>']
    for mark in marks:
        parts.append(f'<line class="grid" x1="{left + LEFT}" x2="{right}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
                     f'<text x="{left + LEFT - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{short(mark)}</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.1f}" y="{floor + 16}" text-anchor="middle">{short(size)}</text>')
    parts.append(f'<line class="axis" x1="{left + LEFT}" x2="{right}" y1="{floor}" y2="{floor}"/>'
                 f'<text x="{(left + LEFT + right) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(of)}</text>')
    at = left + LEFT
    for number, (name, values) in enumerate(lines.items()):
        points = [(x(size), y(value)) for size, value in zip(sizes, values) if value is not None]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline class="l{number}" points="{path}"/>')
        parts += [f'<circle class="l{number}" cx="{px:.1f}" cy="{py:.1f}" r="3"/>' for px, py in points]
        if len(lines) > 1:
            parts.append(f'<text class="l{number}" x="{at}" y="34">{escape(name)}</text>')
            at += 7 * len(name) + 16
    return "".join(parts)


def svg(title, of, sizes, panels):
    """`panels` has the lines of each title. The axis of sizes (`of`) is logarithmic; the others begin at zero."""
    width = WIDTH * len(panels) + 16
    drawn = "\n".join(panel(name, sizes, lines, of, number * WIDTH) for number, (name, lines) in enumerate(panels.items()))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
            f'role="img"><title>{escape(title)}</title><style>{STYLE}</style>\n{drawn}\n</svg>\n')
