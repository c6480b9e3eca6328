# SPDX-License-Identifier: BSD-3-Clause
"""What bench/compare measures: networks, variants, cells, and the targets of each.

A *variant* is a product with its settings, a *cell* one thing that is measured of it.  A *unit* is one start of one
variant on one network with all its cells; units of ours and of the peers alternate, and every second round goes
through them backwards, so that a slow change of the machine meets all alike.
"""

OURS = ("ours", "ours-mb", "ours-openssl", "ours-plain", "ours-bare", "ours-bare-plain")
PLAIN_PEERS = ("cs-udp", "cs-udpu", "cs-knet")
SEALED_PEER = "cs-knet-aes"
NAMES = {
    "ours": "aisexec, sealed (default: crypto_sodium)",
    "ours-mb": "aisexec, sealed by crypto_ipsec_mb",
    "ours-openssl": "aisexec, sealed by crypto_openssl",
    "ours-plain": "aisexec, secauth off",
    "ours-bare": "aisexec, sealed, without offload",
    "ours-bare-plain": "aisexec, secauth off, without offload",
    "cs-udp": "corosync udp",
    "cs-udpu": "corosync udpu",
    "cs-knet": "corosync knet",
    "cs-knet-aes": "corosync knet aes256 sha256",
}

SMALL = (64, 256, 1024)
LARGE = (16384, 65536, 524288)
SIZE_NAMES = {64: "64B", 256: "256B", 1024: "1KiB", 4096: "4KiB", 16384: "16KiB", 65536: "64KiB", 524288: "512KiB",
              1000000: "1MB"}


# Who is compared when encryption is on: the backend that is fastest here, and the default one.
SEALED_OURS = (("ours-mb", "sealed"), ("ours", "sealed by default"))


def both(*sizes):
    return [(size, who) for size in sizes for who in ("one", "all")]


def one(*sizes):
    return [(size, "one") for size in sizes]


LATENCY = ["idle", "think", "load"]


def full():
    """(network, [(variant, cells)]): network is (nodes, mtu)."""
    peer_small = both(*SMALL)
    pump = ["pump", "pump-sealed", "pump-bare", "pump-bare-sealed"]
    return [
        ((3, 1500), [
            ("cs-udp", peer_small + both(*LARGE) + LATENCY + ["rest"]),
            ("ours", both(*SMALL, *LARGE) + one(1000000) + LATENCY + ["safe", "rest", "deaf"]),
            ("ours-mb", both(*SMALL, *LARGE)),
            ("cs-udpu", peer_small + both(16384) + one(65536, 524288) + LATENCY),
            ("ours-plain", both(*LARGE) + one(64)),
            ("cs-knet", peer_small + both(*LARGE) + one(1000000) + LATENCY + ["rest"]),
            ("ours-openssl", one(65536)),
            ("cs-knet-aes", both(*LARGE)),
            ("ours-bare-plain", one(65536)),
            ("ours-bare", one(65536)),
            ("pump", pump)]),
        ((5, 1500), [
            ("cs-udp", peer_small + one(65536) + LATENCY),
            ("ours", both(64, 1024) + both(65536) + LATENCY),
            ("ours-mb", both(*SMALL) + both(65536)),
            ("cs-udpu", peer_small + LATENCY),
            ("ours-plain", one(65536)),
            ("cs-knet", both(64) + one(65536) + LATENCY),
            ("cs-knet-aes", one(65536)),
            ("pump", pump[:2])]),
        ((1, 1500), [
            ("cs-udp", one(64, 65536) + LATENCY[:2]),
            ("ours", one(64, 1024, 65536) + LATENCY[:2]),
            ("cs-udpu", one(64, 65536) + LATENCY[:2]),
            ("cs-knet", one(64, 65536) + LATENCY[:2])]),
        ((3, 9000), [
            ("cs-udp", one(1024, 65536)),
            ("ours", one(1024, 65536)),
            ("cs-udpu", one(65536)),
            ("ours-plain", one(65536)),
            ("cs-knet", one(65536)),
            ("ours-bare-plain", one(65536)),
            ("cs-knet-aes", one(65536)),
            ("ours-bare", one(65536)),
            ("pump", pump)]),
        ((2, 1500), [("cs-udp", one(64, 65536)), ("ours", both(64, 65536)), ("cs-knet", one(64, 65536))]),
        ((4, 1500), [("cs-udp", one(64, 65536)), ("ours", both(64, 65536)), ("cs-knet", one(64, 65536))]),
    ]


def quick():
    return [
        ((3, 1500), [
            ("cs-udp", both(64) + one(1024, 65536) + ["idle", "think"]),
            ("ours", one(64, 1024, 65536) + ["idle", "think"]),
            ("cs-udpu", both(64) + one(1024) + ["idle"]),
            ("ours-mb", both(64, 65536) + one(1024)),
            ("ours-plain", one(65536)),
            ("cs-knet", one(65536)),
            ("cs-knet-aes", one(65536)),
            ("pump", ["pump", "pump-sealed"])]),
    ]


def cell_text(cell):
    return cell if isinstance(cell, str) else f"{SIZE_NAMES[cell[0]]} {cell[1]}"


def network_text(network):
    return f"n{network[0]}" + (f" mtu{network[1]}" if network[1] != 1500 else "")
