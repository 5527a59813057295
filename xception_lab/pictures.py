"""One uploaded picture of any kind to 32x32 RGB, or a ValueError that says why not."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

SIDE = 32
BACKGROUND = (128, 128, 128)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # Pillow knows more, some run other programs
SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
MAX_PIXELS = 25_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own alarm, which counts before it unpacks

_TOO_LARGE = f"more than {MAX_PIXELS // 10**6} million pixels"

# what brings a picture upright, by its EXIF orientation
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadPictureError(ValueError):
    """A picture that cannot be used; the message is what it is, without its name."""


def read_picture(content: bytes) -> NDArray[np.uint8]:
    """A picture file as uint8 (32, 32, 3): the first frame, upright, transparent parts mid grey, the sides squeezed.

    Reduced over whole boxes, then bicubically. Raises BadPictureError, never anything else.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadPictureError(_TOO_LARGE)
            return _reduce(image)
    except BadPictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPictureError(_TOO_LARGE) from error
    except Exception as error:  # Pillow's readers raise many kinds on hostile bytes
        raise BadPictureError("corrupt or unknown") from error


def _reduce(image: Image.Image) -> NDArray[np.uint8]:
    image.draft(None, (2 * SIDE, 2 * SIDE))  # a JPEG is unpacked no larger than needed
    image.load()
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.has_transparency_data:
        drawing = image.convert("RGBA").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        small = Image.new("RGBA", drawing.size, (*BACKGROUND, 255))
        small.alpha_composite(drawing)
        small = small.convert("RGB")
    else:
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    if orientation in _UPRIGHT:
        small = small.transpose(_UPRIGHT[orientation])
    return np.array(small)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16 bits a pixel to 8; Pillow's own convert would clip them."""
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise BadPictureError("neither 8 nor 16 bits a pixel")
    return Image.fromarray((values >> 8).astype(np.uint8))
