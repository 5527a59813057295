"""One uploaded picture file of any kind to RGB of a given size, or a BadPictureError that says why not."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin

from xception_lab.common.messages import say

SIDE = 32
BACKGROUND = (128, 128, 128)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # Pillow knows more, some run other programs
SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
MAX_PIXELS = 25_000_000
MAX_JPEG_PIXELS = 200_000_000  # a phone's largest; a JPEG that is not progressive is decoded at an eighth of its size
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own limit, which it checks before it decodes

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
            return _reduce(image, side, crop)
    except BadPictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPictureError(_TOO_LARGE) from error
    except Exception as error:  # Pillow's readers raise many kinds on hostile bytes
        raise BadPictureError(say("corrupt or unknown")) from error


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


def _reduce(image: Image.Image, side: int, crop: bool) -> NDArray[np.uint8]:
    image.draft(None, (2 * side, 2 * side))  # a JPEG is decoded at no more than the size that is needed
    if image.width * image.height > MAX_PIXELS:  # a long strip
        raise BadPictureError(_TOO_LARGE)
    image.load()
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
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
    """16 bits per pixel to 8; Pillow's own convert would clip them."""
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise BadPictureError(say("neither 8 nor 16 bits a pixel"))
    return Image.fromarray((values >> 8).astype(np.uint8))
