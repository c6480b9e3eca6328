#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A second implementation of docs/protocol/envelope.md, slow and plain, to check the real ones against.

It shares no code with any backend: BLAKE2b comes from Python's hashlib, AES-256-GCM and the ChaCha20 family are
written out below after FIPS 197, SP 800-38D, RFC 8439 and draft-irtf-cfrg-xchacha.

    envelope_vectors.py            write the vectors to standard output
    envelope_vectors.py --check F  exit 0 if F holds exactly these vectors (after checking the ciphers against
                                   the examples of their own standards)
"""
import hashlib
import struct
import sys


def blake2b(key, message):
    return hashlib.blake2b(message, key=key, digest_size=32).digest()


# --- AES-256-GCM ------------------------------------------------------------------------------------------

def make_sbox():
    box, p, q = [0] * 256, 1, 1
    while True:
        p = (p ^ (p << 1) ^ (0x11B if p & 0x80 else 0)) & 0xFF
        for shift in (1, 2, 4):
            q ^= (q << shift) & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        rotated = q
        for n in range(1, 5):
            rotated ^= ((q << n) | (q >> (8 - n))) & 0xFF
        box[p] = rotated ^ 0x63
        if p == 1:
            box[0] = 0x63
            return box


SBOX = make_sbox()


def times_two(x):
    return ((x << 1) ^ (0x1B if x & 0x80 else 0)) & 0xFF


def aes256_round_keys(key):
    words = [list(key[4 * i:4 * i + 4]) for i in range(8)]
    constant = 1
    for i in range(8, 60):
        word = list(words[i - 1])
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = times_two(constant)
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[4 * r:4 * r + 4], []) for r in range(15)]


def aes256_block(round_keys, block):
    state = [a ^ b for a, b in zip(block, round_keys[0])]
    for r in range(1, 15):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if r < 14:
            mixed = []
            for c in range(0, 16, 4):
                column = state[c:c + 4]
                for i in range(4):
                    a, b, d, e = (column[(i + n) % 4] for n in range(4))
                    mixed.append(times_two(a) ^ times_two(b) ^ b ^ d ^ e)
            state = mixed
        state = [a ^ b for a, b in zip(state, round_keys[r])]
    return bytes(state)


def ghash(h, data):
    h, y = int.from_bytes(h, "big"), 0
    for i in range(0, len(data), 16):
        x, v, z = y ^ int.from_bytes(data[i:i + 16], "big"), h, 0
        for bit in range(127, -1, -1):
            if x >> bit & 1:
                z ^= v
            v = (v >> 1) ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def pad16(data):
    return data + bytes(-len(data) % 16)


def aes_256_gcm(key, nonce, header, plain):
    keys = aes256_round_keys(key)

    def stream(n):
        return aes256_block(keys, nonce + struct.pack(">I", n))

    sealed = b"".join(xor(plain[i:i + 16], stream(2 + i // 16)) for i in range(0, len(plain), 16))
    lengths = struct.pack(">QQ", 8 * len(header), 8 * len(sealed))
    tag = ghash(aes256_block(keys, bytes(16)), pad16(header) + pad16(sealed) + lengths)
    return sealed + xor(tag, stream(1))


# --- ChaCha20-Poly1305 and XChaCha20-Poly1305 -------------------------------------------------------------

def chacha_rounds(state):
    x = list(state)

    def rotate(value, n):
        return ((value << n) | (value >> (32 - n))) & 0xFFFFFFFF

    def quarter(a, b, c, d):
        for first, second, n in ((a, b, 16), (c, d, 12), (a, b, 8), (c, d, 7)):
            target = d if first == a else b
            x[first] = (x[first] + x[second]) & 0xFFFFFFFF
            x[target] = rotate(x[target] ^ x[first], n)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return x


SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def chacha20_block(key, counter, nonce):
    state = SIGMA + struct.unpack("<8I", key) + (counter,) + struct.unpack("<3I", nonce)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(chacha_rounds(state), state)))


def hchacha20(key, nonce16):
    x = chacha_rounds(SIGMA + struct.unpack("<8I", key) + struct.unpack("<4I", nonce16))
    return struct.pack("<8I", *(x[:4] + x[12:]))


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(message), 16):
        total = (total + int.from_bytes(message[i:i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def chacha20_poly1305(key, nonce, header, plain):
    sealed = b"".join(xor(plain[i:i + 64], chacha20_block(key, 1 + i // 64, nonce))
                      for i in range(0, len(plain), 64))
    lengths = struct.pack("<QQ", len(header), len(sealed))
    return sealed + poly1305(chacha20_block(key, 0, nonce)[:32], pad16(header) + pad16(sealed) + lengths)


def xchacha20_poly1305(key, nonce, header, plain):
    return chacha20_poly1305(hchacha20(key, nonce[:16]), bytes(4) + nonce[16:], header, plain)


# --- the envelope -----------------------------------------------------------------------------------------

CIPHERS = {1: (aes_256_gcm, 12), 2: (xchacha20_poly1305, 24), 3: (chacha20_poly1305, 12)}


def envelope(authkey, cipher, sender, salt, counter, plain):
    if cipher == 0:
        return b"AS\1\0" + struct.pack("<II", 0, sender) + salt + struct.pack("<Q", counter) + plain
    master = blake2b(b"aisexec envelope 1 master", authkey)
    key_id = blake2b(master, b"key id")[:4]
    subkey = blake2b(master, b"sub-key" + struct.pack("<BI", cipher, sender) + salt
                     + struct.pack("<I", counter >> 32))
    header = b"AS\1" + bytes([cipher]) + key_id + struct.pack("<I", sender) + salt + struct.pack("<Q", counter)
    seal, nonce_size = CIPHERS[cipher]
    return header + seal(subkey, struct.pack("<Q", counter) + bytes(nonce_size - 8), header, plain)


def check_ciphers():
    """The examples of the standards, so that a mistake here is not taken for one of a backend."""
    h = bytes.fromhex
    # McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
    assert aes_256_gcm(
        h("feffe9928665731c6d6a8f9467308308" * 2), h("cafebabefacedbaddecaf888"),
        h("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
        h("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
          "b16aedf5aa0de657ba637b39"))[-16:] == h("76fc6ece0f4e1768cddf8853bb2d551b")
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
            b"sunscreen would be it.")
    key, header = bytes(range(0x80, 0xA0)), h("50515253c0c1c2c3c4c5c6c7")
    # RFC 8439, 2.8.2, and draft-irtf-cfrg-xchacha-03, A.3.1.
    assert chacha20_poly1305(key, h("070000004041424344454647"), header, text)[-16:] == h(
        "1ae10b594f09e26a7e902ecbd0600691")
    assert xchacha20_poly1305(key, bytes(range(0x40, 0x58)), header, text)[-16:] == h(
        "c0875924c1c7987947deafd8780acf49")


def vectors():
    authkey = bytes((7 * i + 3) & 0xFF for i in range(128))
    long_authkey = bytes((5 * i + 1) & 0xFF for i in range(200))
    salt = bytes(range(0xA0, 0xB0))
    text = b"The quick brown fox jumps over the lazy dog"
    cases = []
    for cipher in (0, 1, 2, 3):
        for plain in (b"", b"a", text, bytes(i & 0xFF for i in range(300))):
            cases.append((authkey, cipher, 7, salt, 1, plain))
        cases.append((long_authkey, cipher, 0xFFFFFFFF, bytes(reversed(salt)), 1, text))
        for counter in (2, (1 << 32) - 1, 1 << 32, (5 << 32) + 17, (1 << 64) - 2):
            cases.append((authkey, cipher, 1, salt, counter, text))
    lines = ["# Vectors of docs/protocol/envelope.md, made by envelope_vectors.py: do not edit.",
             "# One block each; numbers are decimal, bytes hexadecimal, '-' is no bytes."]
    for key, cipher, sender, salt_, counter, plain in cases:
        lines += ["", f"authkey {key.hex()}", f"cipher {cipher}", f"sender {sender}", f"salt {salt_.hex()}",
                  f"counter {counter}", f"plain {plain.hex() or '-'}",
                  f"datagram {envelope(key, cipher, sender, salt_, counter, plain).hex()}"]
    return "\n".join(lines) + "\n"


def main(arguments):
    check_ciphers()
    if not arguments:
        sys.stdout.write(vectors())
        return 0
    if len(arguments) == 2 and arguments[0] == "--check":
        with open(arguments[1], encoding="ascii") as file:
            if file.read() == vectors():
                return 0
        print(f"{arguments[1]} is not what the program makes: docs/protocol/envelope_vectors.py > {arguments[1]}")
        return 1
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
