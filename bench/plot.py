# SPDX-License-Identifier: BSD-3-Clause
"""Two plots as SVG, written by hand, since nothing but Python is needed to read them again."""

import math

import plan

COLOURS = {"ours": "#c0392b", "ours-mb": "#d35400", "ours-openssl": "#e67e22", "ours-plain": "#8e44ad", "cs-udp": "#2471a3", "cs-udpu": "#17a589",
           "cs-knet": "#566573", "cs-knet-aes": "#aab7b8"}
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 420, 70, 40, 60
STYLE = 'font-family="sans-serif" font-size="12"'


def _head(title):
    return [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {STYLE}>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{LEFT}" y="22" font-size="14">{title}</text>']


def _axis(low, high, unit, plot_width):
    """Lines at powers of ten, and the function from a value to its height."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    bottom = HEIGHT - BOTTOM

    def height(value):
        return bottom - (math.log10(value) - first) / (last - first) * (bottom - TOP)

    lines = []
    for power in range(first, last + 1):
        y = height(10.0 ** power)
        lines += [f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + plot_width}" y2="{y:.1f}" stroke="#ddd"/>',
                  f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0 ** power:g}</text>']
    return lines + [f'<text x="{LEFT - 60}" y="{TOP - 4}">{unit}</text>'], height


def _legend(names, x):
    return [part for i, name in enumerate(names) for part in (
        f'<rect x="{x}" y="{TOP + 18 * i}" width="12" height="12" fill="{COLOURS[name]}"/>',
        f'<text x="{x + 18}" y="{TOP + 18 * i + 10}">{name}</text>')]


def throughput(runs):
    """MB/s over message size, three nodes, one sender; both axes logarithmic."""
    network, width = (3, 1500), 540
    sizes = [s for s in sorted(plan.SIZE_NAMES) if s != 1000000]
    series = {}
    for variant in COLOURS:
        points = [(s, runs.median(network, variant, f"{plan.SIZE_NAMES[s]} one", "mb_per_s")) for s in sizes]
        series[variant] = [p for p in points if p[1]]
    series = {v: p for v, p in series.items() if p}
    values = [p[1] for points in series.values() for p in points]
    if not values:
        return ""
    lines, height = _axis(min(values), max(values), "MB/s", width)

    def across(size):
        return LEFT + (math.log2(size) - 6) / 13 * width

    out = _head("3 nodes, one sender, MTU 1500: MB/s delivered at every node") + lines
    for size in sizes:
        out.append(f'<text x="{across(size):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{plan.SIZE_NAMES[size]}</text>')
    for variant, points in series.items():
        path = " ".join(f"{across(s):.1f},{height(v):.1f}" for s, v in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[variant]}" stroke-width="2"/>')
        out += [f'<circle cx="{across(s):.1f}" cy="{height(v):.1f}" r="3" fill="{COLOURS[variant]}"/>' for s, v in points]
    return "\n".join(out + _legend(series, LEFT + width + 20) + ["</svg>"]) + "\n"


def latency(runs):
    """p50 (full) to p99 (pale) of agreed delivery for each network and kind; logarithmic."""
    variants = ["ours", "cs-udp", "cs-udpu", "cs-knet"]
    groups = [((n, 1500), mode) for n in (1, 3, 5) for mode in ("idle", "think", "load")]
    groups = [g for g in groups if runs.median(g[0], "ours", g[1], "p50_us")]
    values = [runs.median(g[0], v, g[1], k) for g in groups for v in variants for k in ("p50_us", "p99_us")]
    values = [v for v in values if v]
    if not values:
        return ""
    width = 580
    lines, height = _axis(min(values), max(values), "µs", width)
    out, step = _head("Agreed delivery of 64 B: p50 (full) and p99 (pale)") + lines, width / len(groups)
    for index, (network, mode) in enumerate(groups):
        left = LEFT + index * step
        out.append(f'<text x="{left + step / 2:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">n{network[0]} {mode}</text>')
        bar = step * 0.8 / len(variants)
        for place, variant in enumerate(variants):
            p50, p99 = (runs.median(network, variant, mode, k) for k in ("p50_us", "p99_us"))
            if not p50:
                continue
            x, bottom = left + step * 0.1 + place * bar, HEIGHT - BOTTOM
            for value, opacity in ((p99, 0.3), (p50, 1)):
                out.append(f'<rect x="{x:.1f}" y="{height(value):.1f}" width="{bar * 0.85:.1f}" '
                           f'height="{bottom - height(value):.1f}" fill="{COLOURS[variant]}" fill-opacity="{opacity}"/>')
    return "\n".join(out + _legend(variants, LEFT + width + 20) + ["</svg>"]) + "\n"
