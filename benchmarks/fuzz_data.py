"""Fuzz formats of data: pictures in folders and arrays, IDX, WAV, MIDI, CSV, lines, pairs, as a recipe reads them.

A case is a good file that was spoiled, or one that is made to harm. Such a file promises more than it holds, or unpacks to
far more than it is; some are pipes or links. Half of the cases train for a step, the others only read.
"""

import gzip
import io
import os
import struct
import zipfile
import zlib

import numpy as np
from fuzz import command, spoil

LITTLE = {
    "mnist": ("batch_size=20", "g_channels=2", "d_channels=2", "features=8", "noise=4"),
    "cgan": ("batch_size=4", "g_channels=2", "d_channels=2", "features=8", "noise=4"),
    "stock": ("batch_size=4", "hidden=4", "noise=2", "step_noise=2", "length=4", "channels=2"),
    "names": ("batch_size=4", "hidden=4", "embedding=4", "way=mle"),
    "dialogue": ("batch_size=4", "hidden=4", "embedding=4"),
}


def train(rng, recipe, *more):
    """Return a function that trains a step of the recipe on `it`."""
    settings = [word for item in (*LITTLE[recipe], *more) for word in ("--set", item)]
    return command("train", recipe, "--data", "it", "--steps", 1, "--out", "run", *settings)


def read(recipe):
    """Return a function that only reads `it`, as the recipe does, and returns 0; what it raises is told by its kind."""

    def run():
        from tinygan import data
        from tinygan.data.waves import read_wave
        from tinygan.recipes.text._lines import split_lines
        from tinygan.recipes.text.names import Settings

        {
            "mnist": lambda: data.read_pictures("it"),
            "cgan": lambda: data.read_classes("it"),
            "picture": lambda: data.read_picture("it"),
            "sides": lambda: data.read_sides("it", 8),
            "wave": lambda: read_wave("it", 8000),
            "midi": lambda: data.read_melody("it"),
            "clip": lambda: data.read_clip("it"),
            "small clip": lambda: data.read_clip("it", 8),
            "stock": lambda: data.read_csv("it"),
            "names": lambda: split_lines(Settings(data="it", split="sentence")),
            "dialogue": lambda: data.read_pairs("it"),
        }[recipe]()
        return 0

    return run


def use(rng, recipe, *more):
    """Return one of the two."""
    return train(rng, recipe, *more) if rng.random() < 0.5 else read(recipe)


def pictures(rng):
    """Return bytes of pictures (N, h, w) or (N, h, w, C)."""
    shape = [rng.choice((40, 41, 60)), *[rng.choice((8, 12, 16))] * 2]
    if rng.random() < 0.5:
        shape.append(rng.choice((1, 3, 4)))
    return np.frombuffer(rng.randbytes(int(np.prod(shape))), np.uint8).reshape(shape)


def maybe_spoiled(rng, content):
    """Return content, spoiled every second time."""
    return spoil(rng, content) if rng.random() < 0.5 else content


# --- pictures ------------------------------------------------------------------------------------------------------


def folder(suffix, **options):
    """Return a case: a folder of such pictures, one of them spoiled, bombs and other things among them."""

    def case(rng, place):
        from PIL import Image

        (place / "it").mkdir()
        for k, image in enumerate(pictures(rng)):
            path = place / "it" / f"{k:02}{suffix}"
            image = image[..., :3] if image.ndim == 3 and image.shape[2] > 1 else image.reshape(image.shape[:2])
            kinds = ("L", "RGB", "RGBA") if suffix == ".webp" else ("L", "RGB", "P", "1", "RGBA")
            odd = suffix in (".png", ".gif", ".webp", ".tiff") and rng.random() < 0.1
            picture = Image.fromarray(image)
            (picture.convert(rng.choice(kinds)) if odd else picture).save(path, **options)
        harmed = place / "it" / f"{rng.randrange(40):02}{suffix}"
        how = rng.randrange(8)
        if how == 0:
            harmed.write_bytes(bomb(rng))
        elif how == 1:
            harmed.unlink()
            link = lambda path: path.symlink_to(rng.choice(("/dev/zero", path.name, "..")))
            rng.choice((os.mkfifo, link, os.mkdir))(harmed)
        elif how == 2:
            harmed.unlink()
            harmed.symlink_to("../../outside/canary")
        elif how == 3:
            harmed.rename(harmed.with_name("\x1b[2J\n" + harmed.name))
        else:
            harmed.write_bytes(maybe_spoiled(rng, harmed.read_bytes()))
        return use(rng, "mnist", *(("size=8",) if rng.random() < 0.5 else ()))

    return case


def bomb(rng):
    """Return a PNG file of any size whose pixels are all 0."""
    width, height = (rng.choice((0, 1, 100, 2000, 4000, 20_000, 2**31 - 1)) for _ in range(2))
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    depth, colour = rng.choice(((1, 0), (8, 0), (16, 0), (8, 2), (8, 3), (8, 6), (7, 9)))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, rng.randrange(2))
    rows = zlib.compress(bytes(min(rng.choice((0, 10, width * height)), 1 << 25)))
    more = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20))) * rng.choice((0, 1, 3))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


MODES = {
    "PNG": ("L", "RGB", "P", "1", "RGBA", "I;16"), "GIF": ("L", "RGB", "P", "1", "RGBA"), "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("L", "RGB", "RGBA"), "BMP": ("L", "RGB"), "TIFF": ("L", "RGB", "CMYK", "P", "1", "F", "I", "I;16"),
}  # fmt: skip


def one_picture(rng, place):
    """One picture file of any format and mode, some of them animated, spoiled, or one whose header promises anything."""
    from PIL import Image

    kind = rng.choice(("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "TIFF", "header"))
    if kind == "header":
        (place / "it").write_bytes(maybe_spoiled(rng, rng.choice((bomb, tiff_bomb, gif_bomb, webp_bomb))(rng)))
        return read("picture")
    shape = rng.choice(((40, 30), (1, 1), (7, 300)))
    mode = rng.choice(MODES[kind])
    if mode in ("F", "I", "I;16"):
        values = np.frombuffer(rng.randbytes(4 * shape[0] * shape[1]), np.uint8).reshape(*shape, 4)[..., 0]
        types = {"F": values / np.float32(rng.choice((1, 255, -255))), "I": values * np.int32(rng.choice((1, 257, 10**6)))}
        picture = Image.fromarray(types.get(mode, values.astype(np.uint16) * 257))
    else:
        values = np.frombuffer(rng.randbytes(shape[0] * shape[1] * 3), np.uint8).reshape(*shape, 3)
        picture = Image.fromarray(values).convert(mode)
    options, exif = {}, Image.Exif()
    if kind == "TIFF" and mode in ("L", "RGB"):
        options["compression"] = rng.choice((None, "tiff_adobe_deflate", "tiff_lzw", "packbits"))
    if rng.random() < 0.3:
        exif[0x0112] = rng.randrange(12) if kind != "TIFF" else rng.randrange(1, 9)  # libtiff writes no others
        options |= {"exif": exif} if kind in ("PNG", "JPEG", "WEBP", "TIFF") else {}
    if rng.random() < 0.3 and kind in ("PNG", "WEBP", "GIF", "TIFF"):
        options |= {"save_all": True, "append_images": [picture.transpose(Image.Transpose.ROTATE_180)] * rng.randrange(3)}
    file = io.BytesIO()
    picture.save(file, kind, **options)
    content = file.getvalue()
    (place / "it").write_bytes(spoil(rng, content) if rng.random() < 0.9 else content)
    return read("picture")


SIDES = 0, 1, 8, 300, 3000, 13_000, 60_000


def tiff_bomb(rng):
    """Return a TIFF file whose tags promise any size, of strips or tiles, packed or not."""
    packing = rng.choice((1, 5, 8, 32773, 7, 34712, 50001))
    data = zlib.compress(bytes(rng.choice((64, 1 << 22)))) if packing == 8 else rng.randbytes(100)
    sides = [rng.choice((*SIDES, 2**31 - 1, 2**32 - 1)) for _ in range(2)]
    entries = {256: sides[0], 257: sides[1], 258: rng.choice((1, 8, 16, 32)), 259: packing, 262: rng.choice((0, 1, 2, 3, 5))}
    entries[277] = rng.choice((1, 1, 3, 4, 200))
    strips, tiles = {278: rng.choice((1, 8, 2**32 - 1))}, {322: rng.choice(SIDES), 323: rng.choice(SIDES)}
    entries |= tiles if rng.random() < 0.5 else strips
    offset, length = (324, 325) if 322 in entries else (273, 279)
    entries |= {offset: 14 + 12 * (len(entries) + 2), length: rng.choice((len(data), 0, 2**31 - 1, 2**32 - 1))}
    table = b"".join(struct.pack("<HHII", tag, 4, rng.choice((1, 1, 1, 1, 2**31)), n) for tag, n in sorted(entries.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + data


def gif_bomb(rng):
    """Return a GIF file whose screen and frame are of any size."""
    sides = [rng.choice((*SIDES, 65_535)) for _ in range(4)]
    control = b"!\xf9\x04" + bytes([rng.randrange(256), 0, 0, rng.randrange(4), 0])
    image = b"," + struct.pack("<HHHHB", rng.choice((0, 1, 60_000)), 0, *sides[2:], rng.choice((0, 64)))
    content = b"GIF89a" + struct.pack("<HHBBB", *sides[:2], 0xF0, 0, 0) + bytes(6)
    return content + control + image + b"\x02\x02\x4c\x01\0" + rng.choice((b";", control + image, b""))


def webp_bomb(rng):
    """Return a WebP file whose header promises any size."""
    width, height = (rng.choice((*SIDES[1:], 1 << 24)) for _ in range(2))
    bits = min(width, 16_384) - 1 | (min(height, 16_384) - 1) << 14
    kind, content = rng.choice((
        (b"VP8X", bytes((rng.randrange(64), 0, 0, 0)) + b"".join((n - 1).to_bytes(3, "little") for n in (width, height))),
        (b"VP8L", b"\x2f" + bits.to_bytes(4, "little") + rng.randbytes(21)),
        (b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF) + rng.randbytes(20)),
    ))  # fmt: skip
    body = kind + struct.pack("<I", len(content)) + content
    more = rng.choice((b"", b"ANIM" + struct.pack("<II", 6, 0) + bytes(2), b"EXIF" + struct.pack("<I", 4) + b"II*\0"))
    return b"RIFF" + struct.pack("<I", 4 + len(body) + len(more)) + b"WEBP" + body + more


def clip(rng, place):
    """An animation or a folder of frames, spoiled, or an animation of very many large frames of one colour."""
    from PIL import Image

    kind, shape = rng.choice(("GIF", "PNG", "folder")), rng.choice(((40, 30), (1, 1), (7, 300)))
    if rng.random() < 0.2:
        shape = (rng.choice((500, 4000, 9000)),) * 2
        frames = [
            Image.new("L", shape, 255 * (k % 2)) for k in range(rng.choice((2, 3, 20) if shape[0] < 9000 else (2,)))
        ]
    else:
        values = np.frombuffer(rng.randbytes(5 * shape[0] * shape[1] * 3), np.uint8).reshape(5, *shape, 3)
        frames = [Image.fromarray(frame).convert(rng.choice(MODES["GIF"])) for frame in values[: rng.randrange(1, 6)]]
    how = read(rng.choice(("clip", "small clip")))
    if kind == "folder":
        (place / "it").mkdir()
        for k, frame in enumerate(frames):
            frame.save(place / "it" / f"{k}.png")
        harmed = place / "it" / "0.png"
        harmed.write_bytes(maybe_spoiled(rng, harmed.read_bytes()))
        return how
    file, duration = io.BytesIO(), [rng.choice((0, 20, 50, 60_000)) for _ in frames]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=duration)
    (place / "it").write_bytes(maybe_spoiled(rng, file.getvalue()))
    return how


def classes(rng, place):
    """A folder for each class: strange names, few or no pictures, spoiled ones, links and pipes."""
    save_folders(rng, place / "it", [rng.choice(("a", "b", "c+d", "\x1b[2J", "é", "n\n", "0", "x" * 200)) for _ in range(3)])
    return use(rng, "cgan", *((f"classes={rng.choice(('a', 'a+b', '+', 'a+a', 'é+b'))}",) if rng.random() < 0.3 else ()))


def sides(rng, place):
    """The folders a and b, with partners or without."""
    save_folders(rng, place / "it", rng.choice((["a", "b"], ["a", "b"], ["a", "b", "c"], ["a"])))
    return read("sides")


def save_folders(rng, path, names):
    from PIL import Image

    path.mkdir()
    for name in names:
        folder, size = path / name, rng.choice((8, 8, 8, 12, 9))
        folder.mkdir(exist_ok=True)
        for k in range(rng.choice((0, 1, 5, 20, 20, 20))):
            stem = k if rng.random() < 0.9 else rng.choice(("é", "a.b", "", " "))
            file = folder / f"{stem}{rng.choice(('.png', '.webp', '.tif'))}"
            image = np.frombuffer(rng.randbytes(3 * size * size), np.uint8).reshape(size, size, 3)
            Image.fromarray(image).save(file, {".png": "PNG", ".webp": "WEBP"}.get(file.suffix, "TIFF"))
            if rng.random() < 0.1:
                file.write_bytes(spoil(rng, file.read_bytes()))
        odd = path / f"{name[:9]}2"
        if rng.random() < 0.2 and not odd.is_symlink():
            odd.symlink_to(rng.choice(("../..", name, "/dev/zero")))


def npy(rng, place):
    """A .npy file, spoiled, or of a type, a shape or a version that is not to be."""
    (place / "it").write_bytes(maybe_spoiled(rng, npy_bytes(rng)))
    return use(rng, "mnist")


def npy_bytes(rng):
    file, array = io.BytesIO(), pictures(rng)
    if rng.random() < 0.5:
        kind = rng.choice(("u1", "i1", ">u2", "<u2", "<i8", "<f2", "<f4", ">f8", "?", "<c8", "<U2", "S3", "M8[s]", "V3"))
        array = array.astype("u1").view(np.uint8).astype(kind) if kind not in ("V3", "M8[s]") else np.zeros(array.shape, kind)
        array = np.asfortranarray(array) if rng.random() < 0.3 else array
    np.save(file, array)
    content = file.getvalue()
    if rng.random() < 0.3:
        shape = tuple(rng.choice((0, 1, -1, 3, 8, 1000, 10**6, 2**31, 2**63)) for _ in range(rng.randrange(6)))
        descr = rng.choice(("|u1", "<f8", "|O", "<U1000000", "|V0", [("a", "|O")], "m8", "junk"))
        header = f"{{'descr': {descr!r}, 'fortran_order': {rng.random() < 0.5}, 'shape': {shape}, }}\n".encode()
        content = b"\x93NUMPY" + bytes(rng.choice(((1, 0), (1, 0), (2, 0), (3, 0), (9, 9))))
        content += struct.pack("<H", len(header)) + header + rng.randbytes(100)
    return content


def npz(rng, place):
    """A .npz file: members spoiled before or after they are packed, encrypted, packed in unknown ways, many, or bombs."""
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(place / "it", "w", method) as members:
        for k in range(rng.choice((1, 1, 1, 2, 30))):
            content = npy_bytes(rng)
            if rng.random() < 0.1:
                content = np.lib.format.magic(1, 0) + content[8:128] + bytes(1 << 25)
            name = rng.choice(("a.npy", "../a.npy", "\x1b[2J.npy", "x" * 1000))
            members.writestr(f"{k}{name}", maybe_spoiled(rng, content))
    content = bytearray((place / "it").read_bytes())
    if rng.random() < 0.3:
        for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = content.find(mark) + offset
            content[at] |= rng.randrange(2)
            content[at + 2] = rng.choice((content[at + 2], 97, 1))
    (place / "it").write_bytes(maybe_spoiled(rng, bytes(content)))
    return use(rng, "mnist")


def idx(rng, place):
    """An IDX file, packed or not, spoiled before or after, or with a header that promises anything."""
    array = pictures(rng)
    sizes = [rng.choice((0, 1, 28, 10**6, 2**32 - 1)) for _ in array.shape] if rng.random() < 0.3 else array.shape
    kind = rng.choice((8, 8, 8, 9, 0xB, 0xC, 0xD, 0xE, 7))
    content = bytes((0, 0, kind, len(sizes))) + b"".join(struct.pack(">I", n) for n in sizes)
    content += bytes(1 << 24) if rng.random() < 0.1 else array.tobytes()
    content = maybe_spoiled(rng, content)
    if rng.random() < 0.5:
        content = maybe_spoiled(rng, gzip.compress(content))
    (place / "it").write_bytes(content)
    return use(rng, "mnist")


# --- sound ---------------------------------------------------------------------------------------------------------


def wave(rng, place):
    """A WAV file of any kind of number, rate and number of channels, spoiled, or with lengths that promise anything."""
    strange = lambda: rng.random() < 0.1
    bits, kind = rng.choice(((12, 1), (16, 0x55)) if strange() else ((8, 1), (16, 1), (24, 1), (32, 1), (32, 3), (64, 3)))
    channels = rng.choice((0, 33, 65_535) if strange() else (1, 1, 2, 6))
    rate = rng.choice((1, 2**32 - 1) if strange() else (8000, 44_100, 44_099, 1000, 384_000))
    promise = lambda size: rng.choice((0, size + 1, 2**31 - 1, 2**32 - 1)) if strange() else size
    data = rng.randbytes(rng.choice((0, 1, 1000, 100_000)))
    if kind == 3:
        data = np.frombuffer(data[: len(data) // 8 * 8], np.int8).astype(f"<f{bits // 8}").tobytes()
    frame = rng.choice((0, 1)) if strange() else channels * bits // 8 % 2**16
    sizes = struct.pack("<HIIHH", channels, rate, rate * frame % 2**32, frame, bits)
    extended = struct.pack("<HHIH", 22, bits, 0, kind) + rng.randbytes(14)
    about = rng.choice((struct.pack("<H", kind) + sizes, struct.pack("<H", 0xFFFE) + sizes + extended))
    chunks = [(b"fmt ", about), (b"data", data)]
    at = rng.randrange(2)
    chunks[at:at] = rng.choice(([], [(b"LIST", b"abc\0")], [(b"LIST", b"")] * 3000))
    content = b"".join(name + struct.pack("<I", promise(len(body))) + body for name, body in chunks)
    (place / "it").write_bytes(maybe_spoiled(rng, b"RIFF" + struct.pack("<I", promise(len(content))) + b"WAVE" + content))
    return read("wave")


def midi(rng, place):
    """A MIDI file of random messages, spoiled, or with lengths, times and numbers of tracks that promise anything."""
    strange, rare = (lambda chance=chance: rng.random() < chance for chance in (0.05, 0.005))
    promise = lambda size: rng.choice((0, size + 1, 2**31 - 1, 2**32 - 1)) if strange() else size
    tracks = b""
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        content = b""
        for _ in range(rng.choice((0, 1, 20, 1000))):
            wait = rng.choice((b"\xff" * 3 + b"\x7f", b"\x81" * rng.choice((5, 200, 100_000)))) if rare() else b"\x83\x60"
            kind = rng.choice((0x99, 0xA0, 0xB0, 0xC0, 0xE0, 0xF0, 0xF1, 0xFF) if rare() else (0x80, 0x90))
            more = rng.choice((b"\x51\x03\0\0\0", b"\x58\x04\x03\x20\x18\x08", b"\x59\x02\x63\x63", b"\x03\xff\xff\x7f"))
            content += wait + bytes([kind]) + (more if kind == 0xFF else bytes([rng.randrange(128), rng.randrange(128)]))
        tracks += b"MTrk" + struct.pack(">I", promise(len(content))) + content
    ticks = rng.choice((0, 1, 2**15, 2**16 - 1, 0xE728)) if strange() else 480
    count = min(promise(tracks.count(b"MTrk")), 2**16 - 1)
    head = struct.pack(">IHHH", promise(6), rng.choice((2, 9) if strange() else (0, 1)), count, ticks)
    (place / "it").write_bytes(maybe_spoiled(rng, b"MThd" + head + tracks))
    return read("midi")


# --- text ----------------------------------------------------------------------------------------------------------

CELLS = (
    "1", "2.5", "-3", "1e308", "-1e308", "1e-323", "5e-324", "1e999", "inf", "nan", "", "-", "1,5", "1.234", "1,234",
    "1.234,5", "$5", "12 %", "1_000", "٣", "²", "x", "2020-01-01", '"', '"a\nb"', "\x1b[2J", "1" * 5000, "=1+1",
    "9" * 400, "0x10", "\u2028",
)  # fmt: skip


def table(rng, place):
    """A CSV file of numbers with strange cells, names, separators and line ends."""
    width, separator, end = rng.randrange(1, 6), rng.choice(",,;\t"), rng.choice(("\n", "\n", "\r\n", "\r"))
    strange = [rng.random() < 0.2 for _ in range(width)]
    scale = [rng.choice((1, 1, 1, 1, 1, 1e-320, 1e-200, 1e200, 1e307)) for _ in range(width)]
    lines = [separator.join(rng.choice(("a", "b", "", "year", "$x^$", "a" * 5000, "\x1b[2J", "1")) for _ in range(width))]
    begin = rng.randrange(2000)
    for k in range(rng.choice((0, 1, 12, 40, 40, 40))):
        cells = [str(begin + k) if j == 0 and begin % 2 else f"{rng.gauss(0, 1) * s:.6g}" for j, s in enumerate(scale)]
        cells = [rng.choice(CELLS) if odd and rng.random() < 0.1 else c for c, odd in zip(cells, strange)]
        if separator == ";" and begin % 3 == 0:
            cells = [c.replace(".", ",") for c in cells]
        lines.append(separator.join(cells))
    (place / "it").write_bytes(maybe_spoiled(rng, end.join(lines).encode()))
    columns = rng.choice(("", "", "", "1", "2,1", "a", "99", '"', "\x1b", "1,,"))
    return use(rng, "stock", f"columns={columns}")


PIECES = (
    "a", "word ", "é", "e\u0301", "\u0301", "\u200b", "\u202e", "\u2028", "\x85", "\x1b[31m", "月", "नि",
    "\U0001f469\u200d\U0001f467", "Mr. ", "?", "…", "'s", "n't", "\ufeff", "\x0c", "\x1c", "\xad",
)  # fmt: skip


def text(rng, lines, end="\n"):
    """Return lines of strange pieces."""
    line = lambda: "".join(rng.choice(PIECES) for _ in range(rng.choice((0, 1, 5, 5, 30))))
    written = [line() for _ in range(lines)]
    if rng.random() < 0.2 and written:
        piece = rng.choice(PIECES)
        written[rng.randrange(lines)] = piece * (rng.choice((10_000, 400_000)) // len(piece))
    return end.join(written)


def lines(rng, place):
    """A file of lines, one of them long or full of accents, spoiled."""
    words = text(rng, rng.choice((0, 5, 40, 200, 200)), rng.choice(("\n", "\r\n", "\r", "\n\n")))
    (place / "it").write_bytes(maybe_spoiled(rng, words.encode()))
    choices = {"level": ("char", "word"), "split": ("line", "sentence"), "rarest": (1, 2)}
    return use(rng, "names", *(f"{name}={rng.choice(values)}" for name, values in choices.items()))


def pairs(rng, place):
    """A file of prompts and replies, spoiled."""
    written = [f"{text(rng, 1)}a\t{text(rng, 1)}b" for _ in range(rng.choice((0, 5, 40, 100, 100)))]
    (place / "it").write_bytes(maybe_spoiled(rng, "\n".join(written).encode()))
    return use(rng, "dialogue")


FORMATS = {
    "png": folder(".png"), "jpeg": folder(".jpg"), "gif": folder(".gif"), "bmp": folder(".bmp"), "webp": folder(".webp"),
    "tiff": folder(".tiff"), "picture": one_picture, "clip": clip, "classes": classes, "sides": sides, "npy": npy, "npz": npz,
    "idx": idx, "wave": wave, "midi": midi, "csv": table, "text": lines, "pairs": pairs,
}  # fmt: skip
