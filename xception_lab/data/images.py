"""One uploaded picture file of any kind to RGB of a given size, or a BadPictureError that says why not."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, ExifTags, Image, ImageOps, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from xception_lab.common.messages import Message, say

SIDE = 32
_BITS_PER_SAMPLE, _MAX_SAMPLE_VALUE = 258, 281  # tags of TIFF 6.0
BACKGROUND = (128, 128, 128)
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")  # Pillow knows more, some run other programs
SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jfif", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
# sound pictures that are not read here, by suffix
OTHER_FORMATS = {
    **dict.fromkeys(("heic", "heif", "hif"), "HEIC"),
    **dict.fromkeys(("jp2", "j2k", "jpf", "jpx", "j2c"), "JPEG 2000"),
    "jxl": "JPEG XL",
    "tga": "TGA",
    "ico": "ICO",
    "svg": "SVG",
    "psd": "PSD",
    "eps": "EPS",
    "pdf": "PDF",
    **dict.fromkeys(("dng", "cr2", "cr3", "nef", "arw", "orf", "rw2", "raf"), "RAW"),
}
MAX_PIXELS = 25_000_000
MAX_JPEG_PIXELS = 200_000_000  # a phone's largest; a JPEG that is not progressive is decoded at an eighth of its size
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own limit, which it checks before it decodes

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # as in the process that reads uploads, which has few addresses

_TOO_LARGE = say("more than {most} million pixels", most=MAX_PIXELS // 10**6)


class BadPictureError(ValueError):
    """A picture that cannot be used; the message says what it is ("corrupt or unknown"), without the file's name."""


def read_picture(content: bytes) -> NDArray[np.uint8]:
    """A picture file as uint8 (32, 32, 3), its aspect ratio lost: the first frame, upright, on mid grey.

    Reduced over whole boxes, then bicubically. Raises BadPictureError, never anything else.
    """
    return _read(content, SIDE, crop=False)


def read_square(content: bytes, side: int) -> NDArray[np.uint8]:
    """The middle square of a picture file as uint8 (side, side, 3), otherwise as read_picture.

    Raises BadPictureError, never anything else.
    """
    return _read(content, side, crop=True)


def _read(content: bytes, side: int, *, crop: bool) -> NDArray[np.uint8]:
    try:
        with _open(content) as image:
            if image.width * image.height > MAX_PIXELS and not _is_cheap(image):
                raise BadPictureError(_TOO_LARGE)
            return _reduce(image, side, crop, content)
    except BadPictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPictureError(_TOO_LARGE) from error
    except Exception as error:  # Pillow's readers raise many kinds on hostile bytes
        raise BadPictureError(_why_unreadable(content)) from error


def other_format(name: str) -> Message:
    """That a picture is in this format, which is none of FORMATS."""
    return say(
        "a picture in the format {name}, which is not read here; these are: {formats}",
        name=name,
        formats=", ".join(FORMATS),
    )


def _why_unreadable(content: bytes) -> Message:
    if name := _sniff_other(content):
        return other_format(name)
    if content[:4] in (b"II*\0", b"MM\0*"):
        try:
            TiffImagePlugin.TiffImageFile(io.BytesIO(content)).close()
        except SyntaxError as error:
            if str(error).startswith("unknown "):  # "pixel mode", "data organization": the file may be sound
                return say("a kind of TIFF that is not read here")
        except Exception:
            pass
    return say("corrupt or unknown")


def _sniff_other(content: bytes) -> str:
    """The format of a picture that is not read here, by its first bytes; "" for any other file."""
    if content[4:8] == b"ftyp":
        brands = {content[at : at + 4] for at in (8, *range(16, 64, 4))}
        return "HEIC" if brands & {b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"} else ""
    starts = {
        b"\0\0\0\x0cjP  ": "JPEG 2000",
        b"\xff\x4f\xff\x51": "JPEG 2000",
        b"\0\0\0\x0cJXL ": "JPEG XL",
        b"\xff\x0a": "JPEG XL",
        b"\0\0\x01\0": "ICO",
        b"8BPS": "PSD",
        b"%!PS": "EPS",
        b"%PDF": "PDF",
        b"<svg": "SVG",
    }
    for start, name in starts.items():
        if content.startswith(start):
            return name
    if content.startswith(b"<?xml") and b"<svg" in content[:2000]:
        return "SVG"
    return "TGA" if _is_tga(content) else ""


def _is_tga(content: bytes) -> bool:
    """Whether the bytes are a TGA; only the newer ones have a mark, at their end."""
    if content[-18:-2] == b"TRUEVISION-XFILE":
        return True
    if len(content) < 18 or content[1] > 1 or content[2] not in (1, 2, 3) or content[16] not in (8, 16, 24, 32):
        return False
    palette = int.from_bytes(content[5:7], "little") * ((content[7] + 7) // 8)
    width, height = (int.from_bytes(content[at : at + 2], "little") for at in (12, 14))
    return bool(width and height) and len(content) == 18 + content[0] + palette + width * height * content[16] // 8


def _open(content: bytes) -> Image.Image:
    if content[:3] == b"\xff\xd8\xff":
        return JpegImagePlugin.JpegImageFile(
            io.BytesIO(content)
        )  # Image.open would check all its pixels against the limit
    return Image.open(io.BytesIO(content), formats=FORMATS)


def _is_cheap(image: Image.Image) -> bool:
    """Whether it is a JPEG that is decoded at a part of its size: its pixels are never all in memory."""
    jpeg = isinstance(image, JpegImagePlugin.JpegImageFile) and not image.info.get("progressive")
    return jpeg and image.width * image.height <= MAX_JPEG_PIXELS


def _reduce(image: Image.Image, side: int, crop: bool, content: bytes) -> NDArray[np.uint8]:
    image.draft(None, (2 * side, 2 * side))  # a JPEG is decoded at no more than the size that is needed
    if image.width * image.height > MAX_PIXELS:  # a long strip
        raise BadPictureError(_TOO_LARGE)
    image.load()
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    elif isinstance(image, PngImagePlugin.PngImageFile) and "transparency" in image.info:
        image = _with_transparent_colour(image, content)
    if crop:
        least = min(image.size)
        left, top = (image.width - least) // 2, (image.height - least) // 2
        image = image.crop((left, top, left + least, top + least))
    if image.has_transparency_data:
        layer = image.convert("RGBA").resize((side, side), Image.Resampling.BICUBIC)
        small = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
        small.alpha_composite(layer)
        small = small.convert("RGB")
    else:
        small = image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.array(_upright(small, orientation))


def _upright(small: Image.Image, orientation: object) -> Image.Image:
    """The picture turned by its EXIF orientation, 1 to 8; any other value leaves it as it is.

    The small picture is turned, not the uploaded one: turning that needs a second copy of it, and gives other bits, as
    the boxes over which it is reduced then begin at another corner.
    """
    small.info.clear()  # Pillow writes a file's own EXIF anew, and fails where that is broken
    small.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(small)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16 bits per pixel to 8, or as many as a TIFF declares; Pillow's own convert would clip them.

    The grey that a PNG names as transparent is compared in all its bits.
    """
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise BadPictureError(say("neither 8 nor 16 bits a pixel"))
    grey = Image.fromarray((values >> (_declared_bits(image, int(values.max())) - 8)).astype(np.uint8))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


def _declared_bits(image: Image.Image, largest: int) -> int:
    """The bits of a grey value: a TIFF may pack 12, or say that those in its 16 are fewer. largest: value there is."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 16
    bits, most = (image.tag_v2.get(tag, (16,)) for tag in (_BITS_PER_SAMPLE, _MAX_SAMPLE_VALUE))
    bits, most = (value[0] if isinstance(value, tuple) else value for value in (bits, most))
    if isinstance(most, int) and most >= largest and most in (2**n - 1 for n in range(9, 16)):
        return most.bit_length()
    return bits if isinstance(bits, int) and 8 < bits < 16 else 16


def _with_transparent_colour(image: PngImagePlugin.PngImageFile, content: bytes) -> Image.Image:
    """A PNG whose colour of the chunk tRNS is transparent, compared at the file's own depth.

    Pillow compares it with pixels that it has scaled to 8 bits already. Source: PNG specification, 11.3.2.1.
    """
    bits, transparent = content[24], image.info["transparency"]
    if image.mode == "L" and bits in (2, 4) and isinstance(transparent, int):
        most = 2**bits - 1
        image.info["transparency"] = (transparent & most) * (255 // most)
    elif image.mode == "RGB" and bits == 16 and isinstance(transparent, tuple):
        # Pillow keeps the first byte of each value; taken as of the other byte order, the second
        with Image.open(io.BytesIO(content), formats=("PNG",)) as other:
            other.tile = [tile._replace(args="RGB;16L") for tile in other.tile]
            low = np.asarray(other)
        high = np.asarray(image)
        named = np.array(transparent)
        same = ((high == named >> 8) & (low == named & 255)).all(axis=2)
        del image.info["transparency"]
        masked = image.convert("RGB")
        masked.putalpha(Image.fromarray(np.where(same, 0, 255).astype(np.uint8)))
        return masked
    return image
