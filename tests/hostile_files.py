"""Files that a stranger may upload to hold or fill a server, of every kind that a page takes; the same on every run."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import h5py
import pickles
from uploaded_files import zipped

SEED = 20170407
KINDS = ("picture", "data", "weights", "timings", "experiment")
NAMES = (
    *("../cat/0.png", "cat/../../0.png", "/etc/passwd", "C:\\cat\\0.png", "\\\\host\\cat\\0.png", "cat\0/0.png"),
    *("cat/\x1b[2J.png", "cat/\u202e.png", "a" * 5_000 + "/0.png", "d/" * 2_000 + "0.png", "cat/" + "é" * 300, "", "."),
    *("..", "cat/\ud7ff.png", "CON/0.png", "cat/0.png\n", "data_batch_1", "-rf", "{0}/{name.__class__}.png"),
)


@dataclass(frozen=True)
class HostileFile:
    """kind: one of KINDS. dangerous: whether it once froze or filled a server. make: its content, made when asked."""

    kind: str
    name: str
    make: Callable[[], bytes]
    dangerous: bool = False


def hostile_files() -> list[HostileFile]:
    """The whole corpus."""
    dice = random.Random(SEED)
    makers = (_pictures, _data, _weights, _timings, _experiments)
    files = [file for make in makers for file in make()]
    for kind, whole in _good_files().items():
        files += [HostileFile(kind, f"cut {n}", _cut(whole, dice.random())) for n in range(16)]
        files += [HostileFile(kind, f"damaged {n}", _damaged(whole, dice.randrange(2**32))) for n in range(16)]
        files += [HostileFile(kind, f"noise {n}", _noise(n, dice.randrange(2**32))) for n in range(6)]
        files += [HostileFile(kind, f"as another kind: {other}", other_whole) for other, other_whole in _others(kind)]
        files.append(HostileFile(kind, "empty", lambda: b""))
    return files


def quick_files() -> list[HostileFile]:
    """The dangerous ones that cost little, and some of the rest."""
    files = hostile_files()
    return [f for f in files if f.dangerous] + [f for f in files if not f.dangerous][::25]


def refusal(kind: str, content: bytes) -> str:
    """The sentence with which a page's reader refuses a file of this kind, "" for one that is read.

    What else a reader raises passes through.
    """
    from xception_lab.data.reading_process import read_square_apart, save_uploads_apart
    from xception_lab.experiments.results_file import experiment_from_json
    from xception_lab.features.image_models import load_file
    from xception_lab.timing.results_file import results_from_json

    readers: dict[str, Callable[[], object]] = {
        "picture": lambda: read_square_apart(content, 96),
        "data": lambda: save_uploads_apart([("a.zip", content)]),
        "weights": lambda: load_file("a.pth", content, keras=False),
        "timings": lambda: results_from_json(content),
        "experiment": lambda: experiment_from_json(content.decode("utf-8", "replace")),
    }
    try:
        readers[kind]()
    except ValueError as error:
        return str(error)
    return ""


# Whole files, to be cut and damaged


def _good_files() -> dict[str, Callable[[], bytes]]:
    return {
        "picture": lambda: png(40, 30, bytes(30 * 121)),
        "data": lambda: zipped({f"{c}/{n}.png": png(8, 8, bytes([n]) * 8 * 25) for c in "ab" for n in range(12)}),
        "weights": lambda: pickles.zip_file(_four(), {"0": bytes(16)}),
        "timings": lambda: json.dumps({"format": "xception-lab-timings", "version": 2, "timings": []}).encode(),
        "experiment": lambda: json.dumps({"machine": "", "experiment": {}, "runs": []}).encode(),
    }


def _others(kind: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield from ((other, make) for other, make in _good_files().items() if other != kind)
    yield "gzip", lambda: gzip.compress(bytes(1000))
    yield "xz", lambda: lzma.compress(bytes(1000))
    yield "bz2", lambda: bz2.compress(bytes(1000))
    yield "pickle", lambda: pickle.dumps({"a": [1, 2]})


def _cut(whole: Callable[[], bytes], share: float) -> Callable[[], bytes]:
    def make() -> bytes:
        content = whole()
        return content[: int(share * len(content))]

    return make


def _damaged(whole: Callable[[], bytes], seed: int) -> Callable[[], bytes]:
    def make() -> bytes:
        dice, content = random.Random(seed), bytearray(whole())
        for _ in range(dice.randrange(3, 40)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        return bytes(content)

    return make


def _noise(number: int, seed: int) -> Callable[[], bytes]:
    starts = (b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"\x80\x02", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n")
    return lambda: starts[number] + random.Random(seed).randbytes(20_000)


# Pictures


def png(width: int, height: int, rows: bytes, bits: int = 8, colours: int = 2, extra: bytes = b"") -> bytes:
    """rows: a filter byte and the pixels of each row; too few leave it cut off."""
    head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    chunks = _chunk(b"IHDR", head) + extra + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _whole_png(side: int, bits: int = 1) -> bytes:
    """A valid picture of side x side grey pixels, a few hundred kilobytes."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (side * bits + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _scans_jpeg(side: int, scans: int) -> bytes:
    """A progressive JPEG of so many empty scans: each goes over all its blocks."""
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, side, side, 1) + b"\x01\x11\x00"
    table = b"\xff\xdb" + struct.pack(">HB", 67, 0) + b"\x01" * 64
    codes = b"".join(b"\xff\xc4" + struct.pack(">HB", 20, place) + b"\x01" + bytes(15) + b"\x00" for place in (0, 0x10))
    first = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x00\x00" + bytes(side * side // 512)
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00\x01\x3f\x00" + bytes(16)
    return b"\xff\xd8" + table + frame + codes + first + scan * scans + b"\xff\xd9"


def _tiff(tags: list[tuple[int, int, int, int]], rest: bytes = b"") -> bytes:
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + rest


def _gif(frames: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", 4000, 4000, 0x80, 0, 0) + bytes(6)
    return screen + b"\x21\xfe" + b"\xff" * 256 * frames + b"\0;"


def _pictures() -> Iterator[HostileFile]:
    def file(name: str, make: Callable[[], bytes], dangerous: bool = False) -> HostileFile:
        return HostileFile("picture", name, make, dangerous)

    yield file("a PPM with a comment of 10 MB", lambda: b"P6\n#" + b"a" * 10**7 + b"\n1 1\n255\nabc", True)
    yield file("a PPM whose number has 10 MB", lambda: b"P6\n" + b"1" * 10**7 + b" 1\n255\nabc")
    yield file("a plain PPM of 10 MB of spaces", lambda: b"P3\n2 2\n255\n" + b" " * 10**7, True)
    yield file("a PPM of 4 TB", lambda: b"P6\n2000000 2000000\n255\nabc", True)
    yield file("a PNG of 50,000 x 50,000", lambda: _whole_png(50_000), True)
    yield file("a PNG of 4,999 x 4,999", lambda: _whole_png(4_999))
    yield file("a PNG of 4,999 x 4,999 in 16 bits", lambda: _whole_png(4_999, 16))
    yield file("a progressive JPEG of 20,000 scans", lambda: _scans_jpeg(4_096, 20_000), True)
    yield file("a progressive JPEG of 60,000 x 60,000", lambda: _scans_jpeg(60_000, 2))
    for kind in (b"zTXt", b"iTXt", b"iCCP"):
        middle = b"\0\0" if kind != b"iTXt" else b"\0\x01\0\0\0"
        text = kind, b"a" + middle + zlib.compress(bytes(64 * 2**20), 9)
        yield file(f"a PNG with 64 MiB packed in {kind.decode()}", lambda t=text: png(1, 1, bytes(4), extra=_chunk(*t)))
    yield file("a PNG of 100,000 chunks", lambda: png(1, 1, bytes(4), extra=_chunk(b"tEXt", b"a\0b") * 100_000), True)
    yield file("a GIF with a comment of 10 MB", lambda: _gif(40_000))
    for tag, count in ((273, 2**32 - 1), (270, 2**31), (320, 2**28), (33550, 2**30)):
        yield file(f"a TIFF whose tag {tag} promises {count:,}", lambda t=tag, c=count: _tiff([(t, 4, c, 8)]))
    sides = [(256, 4, 1, 2**31 - 1), (257, 4, 1, 2**31 - 1), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 200)]
    yield file("a TIFF of 2**62 pixels", lambda: _tiff(sides, bytes(500)))
    yield file("a TIFF of itself", lambda: _tiff([(256, 4, 1, 1)])[:-4] + struct.pack("<I", 8))
    yield file("a TIFF of 60,000 tags", lambda: _tiff([(n, 4, 1, n) for n in range(60_000)], bytes(99)))
    bmp = struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0)
    yield file("a BMP of 2**62 pixels", lambda: b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + bmp)
    webp = b"WEBPVP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", 2**28 - 1) + bytes(5)
    yield file("a WebP of 16,384 x 16,384", lambda: b"RIFF" + struct.pack("<I", len(webp)) + webp)
    yield file("a script", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (w) file\n")
    yield file("a drawing", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")


# Data sets


def _many_entries(count: int, suffix: str) -> bytes:
    """A zip of empty files, written by hand: zipfile would take a second for every 30,000."""
    entries, directory, at = [], [], 0
    for number in range(count):
        name = f"{number % 2}/{number}{suffix}".encode()
        fields = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0)
        entries.append(b"PK\x03\x04" + fields + name)
        directory.append(b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, at) + name)
        at += 30 + len(name)
    whole = b"".join(directory)
    counts = min(count, 65_535)
    return b"".join(entries) + whole + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, counts, counts, len(whole), at, 0)


def tar_header(name: str = "a/0.png", size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytes:
    block = bytearray(512)
    raw = name.encode("utf-8", "surrogatepass")[:100]
    block[: len(raw)], block[124:136], block[156:157], block[257:265] = raw, size, kind, b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _pax(records: bytes, kind: bytes = b"x") -> bytes:
    return tar_header("pax", b"%011o\0" % len(records), kind) + records + bytes(-len(records) % 512)


def _pax_size(size: int) -> bytes:
    record = b"size=%d\n" % size
    length = len(record) + 3
    return _pax(b"%d %s" % (length, record)) + tar_header() + bytes(1024)


def _bomb(mib: int) -> bytes:
    return bytes(mib * 2**20)


def _cifar(labels: bytes) -> bytes:
    """CIFAR-10's Python version by hand: labels are the instructions of a pickle."""
    batch = pickles.PROTO + pickles.dictionary({pickles.text("labels"): labels, pickles.text("data"): b"N"}) + b"."
    return zipped({f"cifar-10-batches-py/{name}": batch for name in ("data_batch_1", "test_batch")})


def _data() -> Iterator[HostileFile]:
    def file(name: str, make: Callable[[], bytes], dangerous: bool = False) -> HostileFile:
        return HostileFile("data", name, make, dangerous)

    splits = {f"train {n}/{n % 2}/0.png" if n else "test/0/0.png": b"" for n in range(20_000)}
    yield file("20,000 folders that are called train", lambda: zipped(splits), True)
    for power, size in (("2**60", 2**60), ("10**30", 10**30), ("2**40", 2**40)):
        yield file(f"a pax header of the size {power}", lambda s=size: _pax_size(s), True)
        yield file(f"the same for {power}, packed", lambda s=size: gzip.compress(_pax_size(s)))
    binary = b"\x80" + (2**60).to_bytes(11, "big")
    yield file("a header of the binary size 2**60", lambda: tar_header(size=binary) + bytes(1024), True)
    yield file("a header of a negative size", lambda: tar_header(size=b"\xff" * 12) + bytes(1024), True)
    digits = b"1" * 2 * 10**6
    yield file("pax digits without end", lambda: gzip.compress(_pax(digits) + tar_header() + bytes(1024)), True)
    for key in (b"path", b"hdrcharset", b"GNU.sparse.map"):
        records = b"".join(b"%d %s=%d\n" % (len(key) + 9, key, n) for n in range(10_000, 40_000))
        yield file(f"30,000 records of {key.decode()}", lambda r=records: _pax(r) + tar_header())
    for kind in (b"L", b"K", b"x", b"g"):
        yield file(f"a header {kind.decode()} without end", lambda k=kind: tar_header(size=b"77777777777\0", kind=k))
        yield file(f"10,000 headers {kind.decode()}", lambda k=kind: gzip.compress(_pax(b"6 a=b\n", k) * 10_000))
    for kind in (b"1", b"2", b"3", b"4", b"6", b"S", b"V", b"D"):
        yield file(f"a member of the type {kind.decode()}", lambda k=kind: tar_header(kind=k) + bytes(1024))
    yield file("a tar of 100,001 members", lambda: gzip.compress(tar_header() * 100_001), True)
    for count in (100_000, 100_001):
        for suffix in (".png", ".txt"):
            entries = count, suffix
            yield file(f"a zip of {count:,} entries{suffix}", lambda e=entries: _many_entries(*e), suffix == ".png")
    yield file("a zip whose comment is a directory", lambda: zipped({}) + b"PK\x01\x02" * 100_000)
    for name in NAMES:
        yield file(f"a zip with the name {name[:20]!r}", lambda n=name: zipped({n: b"x"}))
        yield file(f"a tar with the name {name[:20]!r}", lambda n=name: tar_header(n) + bytes(1024))
    for packer, pack in (("gzip", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        yield file(f"a bomb of {packer}", lambda p=pack: p(_bomb(64)))
        yield file(f"a bomb of a tar and {packer}", lambda p=pack: p(tar_header(size=b"00400000000\0") + _bomb(64)))
    yield file("a bomb of gzip in gzip", lambda: gzip.compress(gzip.compress(_bomb(256))))
    yield file("a bomb of 20,000 empty gzips", lambda: gzip.compress(b"") * 20_000)
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield file(f"a bomb of zip method {method}", lambda m=method: zipped({"a/0.png": _bomb(64)}, m))
    yield file("a zip of zips", lambda: zipped({"a/0.zip": zipped({"a/0.zip": zipped({"a/0.png": _bomb(32)})})}))
    pictures = {f"{c}/{n}.png": _whole_png(4_990) for c in "ab" for n in range(2)}
    yield file("a zip of pictures of 25 million pixels", lambda: zipped(pictures))
    yield file(
        "a zip of 15,000 broken pictures", lambda: zipped({f"a/{n}.png": b"\x89PNG" for n in range(15_000)}), True
    )
    yield file("CIFAR-10 with labels nested 28 deep", lambda: _cifar(pickles.nested(28)), True)
    yield file("CIFAR-10 with 2 million names", lambda: _cifar(pickles.name("os", "system") * 2 * 10**6), True)
    yield file("CIFAR-10 of 64 GB", lambda: _cifar(pickles.call("builtins", "bytearray", pickles.whole(2**36))))
    for shape in ((2**32 - 1,) * 3, (0, 28, 28), (2**31, 1, 1)):
        idx = b"\0\0\x08\x03" + struct.pack(">III", *shape)
        yield file(f"an IDX file of {shape}", lambda i=idx: zipped({"train-images-idx3-ubyte": i}))
    yield file(
        "an IDX file of nine dimensions", lambda: zipped({"train-labels-idx1-ubyte": b"\0\0\x08\x09" + bytes(36)})
    )


# Weights


def _state(value: bytes) -> bytes:
    return pickles.dictionary({pickles.text("conv1.weight"): value})


def _four(legacy: bool = False) -> bytes:
    return _state(pickles.tensor(pickles.storage("0", 4, legacy=legacy), (4,)))


def safetensors_file(header: str | bytes, size: int | None = None, rest: bytes = b"") -> bytes:
    raw = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(raw) if size is None else size) + raw + rest


def _entry(shape: list[int], offsets: tuple[int, int] = (0, 4), dtype: str = "F32") -> str:
    return json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}})


def _hdf5(size: int, count: int = 1) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        for number in range(count):
            opened.create_dataset(f"a{number}", (size,), "f4", chunks=(2**15,), compression="gzip")
    return file.getvalue()


def _weights() -> Iterator[HostileFile]:
    def file(name: str, make: Callable[[], bytes], dangerous: bool = False) -> HostileFile:
        return HostileFile("weights", name, make, dangerous)

    programs: dict[str, bytes] = {}
    for wrap, what in ((pickles.TUPLE2, "tuples"), (pickles.TUPLE2 + b"\x85", "tuples of tuples")):
        programs[f"{what} nested 40 deep as a key"] = pickles.dictionary({pickles.nested(40, wrap=wrap): b"N"})
        programs[f"{what} nested 40 deep as a value"] = _state(pickles.nested(40, wrap=wrap))
    for name in ("frozenset", "set"):
        inner = pickles.call("builtins", name, pickles.nested(40))
        programs[f"a {name} of nested tuples as a key"] = pickles.dictionary({inner: b"N"})
        programs[f"a {name} of nested tuples"] = _state(inner)
    for power in (32, 36):
        programs[f"a bytearray of 2**{power}"] = _state(pickles.call("builtins", "bytearray", pickles.whole(2**power)))
        programs[f"a tensor of 2**{power}"] = _state(pickles.call("torch", "Tensor", pickles.whole(2**power)))
        for kind in ("FloatStorage", "UntypedStorage", "ComplexDoubleStorage"):
            held = pickles.storage("0", 2**power, kind)
            programs[f"a {kind} of 2**{power}"] = _state(pickles.tensor(held, (2**power,)))
    programs["2**62 by a stride of 0"] = _state(pickles.tensor(pickles.storage("0", 4), (2**31, 2**31), (0, 0)))
    programs["a million dictionaries"] = pickles.EMPTY_DICT * 10**6
    programs["a million names"] = pickles.name("collections", "OrderedDict") * 10**6
    programs["a million marks"] = pickles.MARK * 10**6
    programs["100,000 keys of one hash"] = pickles.dictionary(
        {pickles.whole(n * (2**61 - 1)): b"N" for n in range(1, 20_000)}
    )
    programs["a list of itself"] = b"]q\x00h\x00a"
    programs["a dictionary of itself"] = b"}q\x00" + pickles.text("state_dict") + b"h\x00s"
    programs["a number of 255 bytes as a key"] = b"}\x8a\xff" + b"\x7f" * 255 + b"Ns"
    dangerous = ("as a key", "bytearray", "tensor of", "Storage", "million", "hash")
    for name, program in programs.items():
        danger = any(word in name for word in dangerous)
        yield file(f"{name}, zip", lambda p=program: pickles.zip_file(p, {"0": bytes(16)}), danger)
        older = program.replace(pickles.TUPLE + pickles.PERSID, b"N" + pickles.TUPLE + pickles.PERSID)
        yield file(f"{name}, legacy", lambda p=older: pickles.legacy_file(p, {"0": (4, bytes(16))}), danger)
    keys = {pickles.text(str(n)): pickles.tensor(pickles.storage(str(n), 10**6), (10**6,)) for n in range(276)}
    yield file("an HDF5 file of 2**36 numbers, packed", lambda: _hdf5(2**36), True)
    yield file("an HDF5 file of 2,000 packed arrays", lambda: _hdf5(2**15, 2_000), True)
    yield file("a start of an HDF5 file", lambda: b"\x89HDF\r\n\x1a\n" + random.Random(SEED).randbytes(20_000))
    yield file("276 keys without data", lambda: pickles.zip_file(pickles.dictionary(keys)), True)
    yield file("a storage of 2**40, legacy", lambda: pickles.legacy_file(_four(legacy=True), {"0": (2**40, b"")}), True)
    yield file("a storage of -1, legacy", lambda: pickles.legacy_file(_four(legacy=True), {"0": (-1, bytes(16))}))
    yield file("a zip of 100,000 entries", lambda: _many_entries(100_000, ""), True)
    yield file("a bomb", lambda: zipped({"archive/data.pkl": _bomb(64)}))
    yield file("a pickle of 17 MiB", lambda: pickles.zip_file(pickles.text("a" * (17 << 20))))
    many = {str(n): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(50_000)}
    headers: dict[str, bytes] = {
        "a side of 2**62": safetensors_file(_entry([2**62]), rest=bytes(4)),
        "sides of 2**62 and 0": safetensors_file(_entry([2**62, 2**62, 0], (0, 0))),
        "a side of 10**4000": safetensors_file(_entry([10**4000]), rest=bytes(4)),
        "a side of -1": safetensors_file(_entry([-1]), rest=bytes(4)),
        "a thousand sides": safetensors_file(_entry([1] * 1_000), rest=bytes(4)),
        "offsets of 2**64": safetensors_file(_entry([1], (2**64, 2**64 + 4)), rest=bytes(4)),
        "offsets in the wrong order": safetensors_file(_entry([1], (4, 0)), rest=bytes(4)),
        "an unknown type": safetensors_file(_entry([1], dtype="PICKLE"), rest=bytes(4)),
        "numbers of 4 bits": safetensors_file(_entry([8], dtype="F4"), rest=bytes(4)),
        "a key twice": safetensors_file('{"a":1,"a":2}'),
        "a header longer than the file": safetensors_file("{}" + " " * 50, 10**6),
        "a header of 2**63": safetensors_file("{}" + " " * 50, 2**63),
        "a header nested 200,000 deep": safetensors_file('{"a":' * 200_000),
        "a header nested 900 deep": safetensors_file('{"a":' * 900 + "1" + "}" * 900),
        "lists nested 50,000 deep": safetensors_file('{"a":' + "[" * 50_000 + "]" * 50_000 + "}"),
        "50,000 tensors": safetensors_file(json.dumps(many)),
        "NaN": safetensors_file('{"a":NaN}'),
        "5,000 digits": safetensors_file('{"a":' + "9" * 5_000 + "}"),
        "no text": safetensors_file(b'{"\xff\xfe":1}'),
        "metadata that is none": safetensors_file('{"__metadata__":[1]}'),
        "metadata of numbers": safetensors_file('{"__metadata__":{"spec":1}}'),
    }
    for name, content in headers.items():
        yield file(f"safetensors, {name}", lambda c=content: c, "2**62" in name or "nested" in name)


# Results


def _json_texts(start: str) -> dict[str, Callable[[], bytes]]:
    """start: the text of an object without its end, of which each continues the last value."""
    texts: dict[str, Callable[[], str]] = {
        "lists nested 100,000 deep": lambda: "[" * 100_000,
        "lists nested 2 million deep": lambda: "[" * 2 * 10**6,
        "objects nested 100,000 deep": lambda: '{"a":' * 100_000 + "1" + "}" * 100_000,
        "lists nested 900 deep": lambda: "[" * 900 + "]" * 900,
        "a million lists": lambda: "[" + "[]," * 10**6 + "1]",
        "a million numbers": lambda: "[" + "1," * 10**6 + "1]",
        "a number of a million digits": lambda: "9" * 10**6,
        "a number of 4,300 digits": lambda: "9" * 4_300,
        "a fraction of a million digits": lambda: "0." + "9" * 10**6,
        "an exponent of a million digits": lambda: "1e" + "9" * 10**6,
        "1e999": lambda: "1e999",
        "a text of 3 MB": lambda: json.dumps("a" * 3 * 10**6),
        "a text of escapes": lambda: '"' + "\\u0000" * 10**5 + '"',
        "half a surrogate": lambda: '"\\ud800"',
        "a text without end": lambda: '"' + "\\" * 10**6,
        "spaces": lambda: " " * 3 * 10**6,
        "markup": lambda: '"<script>alert(1)</script>"',
        **{name: (lambda n=name: n) for name in ("NaN", "Infinity", "-Infinity", "null", "true", "[]", "{}")},
    }
    whole = {name: (lambda m=make: f"{start}{m()}}}".encode()) for name, make in texts.items()}
    alone = {f"{name}, alone": (lambda m=make: m().encode()) for name, make in texts.items()}
    more = {
        "a key twice": lambda: f'{start}1, "format": 1, "format": 2}}'.encode(),
        "5 MB": lambda: b" " * 5 * 10**6,
        "UTF-16": lambda: start.encode("utf-16"),
        "zeros": lambda: bytes(10**6),
    }
    return {**whole, **alone, **more}


def _timings() -> Iterator[HostileFile]:
    start = '{"format": "xception-lab-timings", "version": 2, "timings": '
    for name, make in _json_texts(start).items():
        yield HostileFile("timings", name, make, "nested" in name or "million" in name)


def _experiments() -> Iterator[HostileFile]:
    for name, make in _json_texts('{"machine": "", "runs": [], "experiment": ').items():
        yield HostileFile("experiment", name, make, "nested" in name or "million" in name)
