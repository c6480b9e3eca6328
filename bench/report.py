# SPDX-License-Identifier: BSD-3-Clause
"""From runs to cells, tables, plots: medians over rounds, spread, ratios, and whether a target is reached.

A cell is what the tracker's target table asks: the best peer, ours, the raw limit, their ratio.  In `target`, ">= 10"
and "<= 0.6" are about the ratio; "ours <= 0.1" is about our value alone.  Nothing here measures anything.
"""

import re
import statistics
from pathlib import Path

import plan
import plot


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


class Runs:
    """Values of what was measured, by network, variant, cell and key."""

    def __init__(self, lines):
        self.lines = [line for line in lines if line["variant"] != "machine"]
        self.machine = next((line for line in lines if line["variant"] == "machine"), {})

    def values(self, network, variant, cell, key):
        return [line[key] for line in self.lines if (line["nodes"], line["mtu"]) == network and line["variant"] == variant
                and line["cell"] == cell and line.get(key) is not None]

    def median(self, network, variant, cell, key):
        return median(self.values(network, variant, cell, key))

    def best(self, network, variants, cell, key, better):
        """(median, variant) of the best of them, or (None, None)."""
        found = [(self.median(network, v, cell, key), v) for v in variants]
        found = [f for f in found if f[0] is not None]
        return better(found) if found else (None, None)

    def rounds(self, network, variant, cell):
        return len({line["round"] for line in self.lines if (line["nodes"], line["mtu"]) == network
                    and line["variant"] == variant and line["cell"] == cell})

    def undrained(self, network, variant, cell):
        return sum(1 for line in self.lines if (line["nodes"], line["mtu"]) == network and line["variant"] == variant
                   and line["cell"] == cell and (line.get("drained") is False or "failed" in line))


def is_reached(cell):
    """True, False, or None where there is nothing to compare."""
    parsed = re.fullmatch(r"(ours )?(>=|<=) ([\d.]+)", cell["target"] or "")
    value = (cell["ours"] if parsed.group(1) else cell["ratio"]) if parsed else None
    if value is None:
        return None
    return value >= float(parsed.group(3)) if parsed.group(2) == ">=" else value <= float(parsed.group(3))


def _cell(name, ours, peer=None, peer_name=None, limit=None, target=None, rounds=0):
    ratio = ours / peer if ours is not None and peer else None

    def shown(value):
        return None if value is None else float(f"{value:.4g}")

    return {"cell": name, "peer": shown(peer), "peer_name": peer_name, "ours": shown(ours), "limit": shown(limit),
            "ratio": shown(ratio), "target": target, "rounds": rounds}


def _throughput(runs, network, size, who, ours, peers, target, seal):
    """Speed and the executives' processor time of one size."""
    name = f"{plan.SIZE_NAMES[size]} {who}"
    key, unit = ("msgs_per_s", "msgs/s") if size <= 1024 else ("mb_per_s", "MB/s")
    value = runs.median(network, ours, name, key)
    if value is None:
        return []
    peer, peer_name = runs.best(network, peers, name, key, max)
    pump = "pump" if seal == "plain" else "pump-sealed"
    limit = runs.median(network, "pump", pump, "mb_per_s")
    limit = limit * 1e6 / size if limit and unit == "msgs/s" else limit
    where, rounds = plan.network_text(network), runs.rounds(network, ours, name)
    cheapest, cheapest_name = runs.best(network, peers, name, "cpu_s_per_gb", min)
    return [_cell(f"{where} {name} {seal} {unit}", value, peer, peer_name, limit, target, rounds),
            _cell(f"{where} {name} {seal} CPU s/GB", runs.median(network, ours, name, "cpu_s_per_gb"), cheapest,
                  cheapest_name, runs.median(network, "pump", pump, "cpu_s_per_gb"), "<= 0.125", rounds)]


def cells(lines):
    """All cells of the target table that these runs can tell about, in its order."""
    runs, result = Runs(lines), []
    n1, n3, n5 = (1, 1500), (3, 1500), (5, 1500)
    plain, sealed = plan.PLAIN_PEERS, (plan.SEALED_PEER,)
    for network in (n3, n5):
        for size, who in plan.both(*plan.SMALL):
            for ours, seal in plan.SEALED_OURS:
                result += _throughput(runs, network, size, who, ours, plain, ">= 10", seal)
        for size, who in plan.both(*plan.LARGE):
            result += _throughput(runs, network, size, who, "ours-plain", plain, ">= 10", "plain")
        for size, who in plan.both(*plan.LARGE):
            for ours, seal in plan.SEALED_OURS:
                result += _throughput(runs, network, size, who, ours, sealed, ">= 8", seal)
    result += _throughput(runs, n3, 1000000, "one", "ours", plain, None, "sealed")
    for size, target in ((64, ">= 4"), (65536, ">= 2")):
        result += _throughput(runs, n1, size, "one", "ours", plain, target, "sealed")
    for nodes in (2, 4):
        for size, who in plan.both(64, 65536):
            result += _throughput(runs, (nodes, 1500), size, who, "ours", plain, None, "sealed")
    for network in (n3, n5):
        for size in (*plan.SMALL, *plan.LARGE):
            name, key = plan.SIZE_NAMES[size], "mb_per_s"
            alone, together = (runs.median(network, "ours-mb", f"{name} {who}", key) for who in ("one", "all"))
            where, rounds = plan.network_text(network), runs.rounds(network, "ours-mb", f"{name} all")
            if alone and together:
                result.append(_cell(f"{where} {name} all against one, sealed MB/s", together, alone, "ours, one sender", None,
                                    ">= 0.85", rounds))
                unfair, unfair_name = runs.best(network, plain, f"{name} all", "unfair", min)
                result.append(_cell(f"{where} {name} all, largest difference of shares", runs.median(
                    network, "ours-mb", f"{name} all", "unfair"), unfair, unfair_name, None, "ours <= 0.1", rounds))
    for network in (n1, n3, n5):
        for mode, percentile, target in (("idle", "p50", 0.6), ("idle", "p99", 0.6), ("think", "p50", 0.6),
                                         ("think", "p99", 0.6), ("load", "p50", 0.4), ("load", "p99", 0.1)):
            key = f"{percentile}_us"
            value = runs.median(network, "ours", mode, key)
            if value is not None:
                peer, name = runs.best(network, plain, mode, key, min)
                result.append(_cell(f"{plan.network_text(network)} latency {mode} sealed {percentile} us", value, peer, name,
                                    None, f"<= {target}", runs.rounds(network, "ours", mode)))
    safe = runs.median(n3, "ours", "safe", "p50_us")
    if safe is not None:
        result.append(_cell("n3 safe against agreed p50 us", safe, runs.median(n3, "ours", "idle", "p50_us"), "ours, agreed",
                            None, "<= 3", runs.rounds(n3, "ours", "safe")))
    fastest, _ = runs.best(n3, ("ours", "ours-mb", "ours-openssl"), "64KiB one", "mb_per_s", max)
    if fastest is not None:
        rounds = runs.rounds(n3, "ours", "64KiB one")
        result.append(_cell("n3 64KiB one sealed against plain MB/s", fastest, runs.median(
            n3, "ours-plain", "64KiB one", "mb_per_s"), "ours, secauth off", None, ">= 0.75", rounds))
        limit = runs.median(n3, "pump", "pump-sealed", "mb_per_s")
        result.append(_cell("n3 64KiB one sealed against the sealed pump MB/s", fastest, limit, "pump-sealed", limit,
                            ">= 0.5", rounds))
    for network in (n3, (3, 9000)):
        result += _bare(runs, network)
    rest = runs.median(n3, "ours", "rest", "idle_cpu_percent")
    if rest is not None:
        rounds = runs.rounds(n3, "ours", "rest")
        for key, unit, target in (("idle_cpu_percent", "% of a core", "ours <= 0.1"),
                                  ("wakeups_per_s", "wake-ups/s", "ours <= 20")):
            peer, name = runs.best(n3, plain, "rest", key, min)
            result.append(_cell(f"n3 at rest sealed {unit}", runs.median(n3, "ours", "rest", key), peer, name, None, target,
                                rounds))
    for cell, text in (("memory", "n3 executive MiB, highest"), ("deaf", "n3 executive MiB, a client takes nothing")):
        values = runs.values(n3, "ours", cell, "rss_mib")
        if values:
            peer, name = runs.best(n3, plain, cell, "rss_mib", min)
            result.append(_cell(text, max(values), peer, name, None, "ours <= 64", len(values)))
    return result


def _bare(runs, network):
    value = runs.median(network, "ours-bare-plain", "64KiB one", "mb_per_s")
    if value is None:
        return []
    where, rounds = plan.network_text(network), runs.rounds(network, "ours-bare-plain", "64KiB one")
    limit = runs.median(network, "pump", "pump-bare", "mb_per_s")
    peer, name = runs.best(network, plan.PLAIN_PEERS, "64KiB one", "mb_per_s", max)
    cheapest, cheapest_name = runs.best(network, plan.PLAIN_PEERS, "64KiB one", "cpu_s_per_gb", min)
    return [_cell(f"{where} 64KiB one plain without offload, against the pump MB/s", value, limit, "pump-bare", limit,
                  ">= 0.85", rounds),
            _cell(f"{where} 64KiB one plain without offload MB/s", value, peer, name, limit, ">= 1.3", rounds),
            _cell(f"{where} 64KiB one plain without offload CPU s/GB", runs.median(
                network, "ours-bare-plain", "64KiB one", "cpu_s_per_gb"), cheapest, cheapest_name,
                runs.median(network, "pump", "pump-bare", "cpu_s_per_gb"), "<= 0.5", rounds)]


# -- text


def number(value):
    if value is None:
        return "-"
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(all_cells):
    """Markdown, one line a cell."""
    lines = ["| what | peer | ours | limit | ratio | target | reached |", "|---|---:|---:|---:|---:|---|---|"]
    for cell in all_cells:
        reached = is_reached(cell)
        peer = number(cell["peer"]) + (f" ({cell['peer_name']})" if cell["peer_name"] else "")
        lines.append(f"| {cell['cell']} | {peer} | {number(cell['ours'])} | {number(cell['limit'])} | "
                     f"{number(cell['ratio'])} | {cell['target'] or ''} | {'' if reached is None else 'yes' if reached else 'no'} |")
    return "\n".join(lines)


def _spread(values):
    if not values:
        return ""
    return f"{number(median(values))} ({number(min(values))}..{number(max(values))})"


def _matrix(runs, network, key, names, variants):
    shown = [v for v in variants if any(runs.values(network, v, n, key) for n in names)]
    lines = ["| | " + " | ".join(shown) + " |", "|---|" + "---:|" * len(shown)]
    for name in names:
        entries = []
        for variant in shown:
            bad = runs.undrained(network, variant, name)
            entries.append(_spread(runs.values(network, variant, name, key)) + (f" †{bad}" if bad else ""))
        if any(entries):
            lines.append(f"| {name} | " + " | ".join(entries) + " |")
    return "\n".join(lines)


def _all_tables(runs):
    names = [plan.cell_text(c) for c in plan.both(*plan.SMALL, 4096, *plan.LARGE) + [(1000000, "one")]]
    variants = plan.OURS + plan.PLAIN_PEERS + (plan.SEALED_PEER,)
    parts = []
    for network in sorted({(line["nodes"], line["mtu"]) for line in runs.lines}):
        title = f"{network[0]} node{'s' if network[0] > 1 else ''}, MTU {network[1]}"
        for key, what in (("msgs_per_s", "messages/s, delivered at every node"), ("mb_per_s", "MB/s, the same"),
                          ("cpu_s_per_gb", "CPU seconds of one executive per GB delivered"),
                          ("client_cpu_s_per_gb", "CPU seconds of one client per GB delivered")):
            parts += [f"#### {title}: {what}", "", _matrix(runs, network, key, names, variants), ""]
        for key in ("p50_us", "p90_us", "p99_us", "p999_us"):
            if any(runs.values(network, "ours", mode, key) for mode in ("idle", "think")):
                parts += [f"#### {title}: agreed delivery, {key[:-3]} in µs", "",
                          _matrix(runs, network, key, ["idle", "think", "load", "safe"], variants), ""]
        pumps = [n for n in ("pump", "pump-sealed", "pump-bare", "pump-bare-sealed") if runs.values(network, "pump", n, "mb_per_s")]
        if pumps:
            parts += [f"#### {title}: the pump", "", "| | MB/s | CPU s/GB and node |", "|---|---:|---:|"]
            parts += [f"| {n} | {_spread(runs.values(network, 'pump', n, 'mb_per_s'))} | "
                      f"{_spread(runs.values(network, 'pump', n, 'cpu_s_per_gb'))} |" for n in pumps] + [""]
    return "\n".join(parts).rstrip()


def _about(runs):
    times = sorted(line["at"] for line in runs.lines)
    other = [line["other_cpu_s"] / (2 * 1.5) for line in runs.lines if line.get("other_cpu_s") is not None]
    rounds = max(line["round"] for line in runs.lines)
    tries = sum(line.get("try_again") or 0 for line in runs.lines if line["variant"] in plan.OURS)
    return (f"{runs.machine.get('machine', 'unknown machine')}. Measured {times[0]} to {times[-1]}, {len(runs.lines)} runs, "
            f"up to {rounds} rounds, medians (smallest..largest). Beside executives and clients the machine was busy for "
            f"{median(other) or 0:.2f} of its processors in the median run (interrupts of the network, the scripts, and others). "
            f"† with a number: so many runs had not drained 6 s after their end, or failed. TRY_AGAIN was said {tries:,} times to our "
            "clients. No message was lost, broken, or in another order at another node in any run that is shown without †; a run "
            "of ours with one would have ended the measurement.")


def write_docs(folder, lines, all_cells):
    """Puts tables between the marks of PERFORMANCE.md, and plots beside it."""
    runs, page = Runs(lines), Path(folder) / "PERFORMANCE.md"
    text = page.read_text()
    for mark, content in (("about", _about(runs)), ("targets", table(all_cells)), ("tables", _all_tables(runs))):
        begin, end = f"<!-- begin {mark} -->", f"<!-- end {mark} -->"
        head, rest = text.split(begin, 1)
        text = head + begin + "\n" + content + "\n" + end + rest.split(end, 1)[1]
    page.write_text(text)
    images = Path(folder) / "performance"
    images.mkdir(exist_ok=True)
    (images / "throughput.svg").write_text(plot.throughput(runs))
    (images / "latency.svg").write_text(plot.latency(runs))
