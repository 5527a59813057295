"""Published peaks of devices, each with its source, and what the roofline predicts on them.

Dense figures, no sparsity. Half precision is that of tensor cores with float32 accumulation, as torch uses them.
None: not published.

float32 has two predictions on a device whose tensor cores know TF32: torch lets cuDNN's convolutions use it unless it
is told otherwise (torch.backends.cudnn.conv.fp32_precision), and multiplies matrices in IEEE float32. So a float32 run
of somebody's own may take anything between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from xception_lab.arch.comparison import Ratio, ratio
from xception_lab.spec import KINDS, Kind, XceptionSpec
from xception_lab.timing.roofline import LayerEstimate, Limit, roofline, total_s
from xception_lab.timing.settings import Dtype, Settings

TERA, GIGA = 1e12, 1e9
PRODUCTS = {"NVIDIA H100 80GB HBM3": "H100 SXM"}  # which of DEVICES a machine's device is, by the name it gives itself
EXAMPLE_DEVICES = ("T4", "A100 SXM 40 GB")  # what whole networks are predicted for


@dataclass(frozen=True, slots=True)
class PublishedDevice:
    """One product. float32, tf32, half: peak FLOP/s. bytes_per_s: of its memory. source: of these figures."""

    name: str
    float32: float
    tf32: float | None
    half: float | None
    bytes_per_s: float
    source: str

    def flops_per_s(self, dtype: Dtype) -> float | None:
        """The peak in this dtype, None where none is published."""
        # bfloat16 came to tensor cores together with tf32
        return {
            "float32": self.float32,
            "tf32": self.tf32,
            "float16": self.half,
            "bfloat16": self.half if self.tf32 else None,
        }[dtype]

    def predict(self, settings: Settings) -> tuple[LayerEstimate, ...] | None:
        """The roofline of each layer on this device; None where no peak of the dtype is published."""
        peak = self.flops_per_s(settings.dtype)
        # tensor cores multiply matrices, which a depthwise convolution is not: its kernels add up in float32
        return roofline(settings, peak, self.bytes_per_s, self.float32) if peak else None


def _tera(value: float | None) -> float | None:
    return value and value * TERA


def _device(
    name: str, float32: float, tf32: float | None, half: float | None, gigabytes_per_s: float, source: str
) -> PublishedDevice:
    return PublishedDevice(name, float32 * TERA, _tera(tf32), _tera(half), gigabytes_per_s * GIGA, source)


_A100 = "NVIDIA A100 Tensor Core GPU data sheet (nvidia-a100-datasheet-us-nvidia-1758950)"
_ADA = "NVIDIA Ada GPU Architecture white paper v2.1, appendix A, table 2"
# a processor's peak is no vendor's figure but a product of three: cores, highest clock, FLOPs per cycle and core
DEVICES = (
    _device(
        "T4", 8.1, None, 65.0, 320.0,
        "NVIDIA T4 data sheet; 256 bit × 10 Gbit/s as on the product page (320+): the data sheet says 300",
    ),
    _device("V100 SXM2", 15.7, None, 125.0, 900.0, "NVIDIA V100 Tensor Core GPU data sheet"),
    _device("A100 SXM 40 GB", 19.5, 156.0, 312.0, 1555.0, _A100),
    _device("A100 SXM 80 GB", 19.5, 156.0, 312.0, 2039.0, _A100),
    _device("H100 SXM", 66.9, 494.7, 989.4, 3352.0, "NVIDIA H100 Tensor Core GPU Architecture white paper, table 3"),
    _device("L4", 30.3, 60.0, 121.0, 300.0, "NVIDIA L4 data sheet, its tensor figures halved: it states them sparse"),
    _device(
        "RTX 3060 12 GB", 12.76, None, None, 360.0,
        "computed: 3,584 cores × 1.78 GHz × 2 as announced; 192 bit × 15 Gbit/s, not found in NVIDIA's words",
    ),
    _device(
        "RTX 3090", 35.6, 35.6, 71.0, 936.0,
        "NVIDIA Ampere GA102 GPU Architecture white paper v2, appendix A, table 9",
    ),
    _device("RTX 4090", 82.6, 82.6, 165.2, 1008.0, _ADA),
    _device(
        "EPYC 9654 (96)", 11.37, None, None, 460.8,
        "computed: 96 cores × 3.7 GHz × 32 FLOPs (two 256-bit FMA pipes); 12 × DDR5-4800: AMD's figures",
    ),
    _device(
        "Xeon 8380 (40)", 8.70, None, None, 204.8,
        "computed: 40 cores × 3.4 GHz × 64 FLOPs (two AVX-512 FMA units); 8 × DDR4-3200: Intel's figures",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DevicePrediction:
    """The roofline's prediction for the three blocks on one device; None where no peak of the dtype is published.

    dtype: of the peak. seconds, limits: by block; a block's limit is that of its slowest layer. source: of the
    device's peaks.
    """

    device: str
    dtype: Dtype
    seconds: dict[Kind, float] | None
    limits: dict[Kind, Limit] | None
    source: str

    @property
    def name(self) -> str:
        """The device, with the precision where float32 has two: "A100 SXM 40 GB, TF32"."""
        return _name_with_precision(self.device, self.dtype)


def _name_with_precision(device: str, dtype: Dtype) -> str:
    return f"{device}, TF32" if dtype == "tf32" else device


def tensor_core_example() -> tuple[float, float, float]:
    """The A100's peak in float32 and in TF32, in TFLOP/s, and how many times the first the second is."""
    (a100,) = [device for device in DEVICES if device.name == EXAMPLE_DEVICES[1]]
    assert a100.tf32, "its data sheet has it"
    return a100.float32 / TERA, a100.tf32 / TERA, a100.tf32 / a100.float32


def predict_devices(group: Sequence[Settings]) -> tuple[DevicePrediction, ...]:
    """The textbook's roofline of the three blocks on every published device; float32 in TF32 as well where it has that.

    group: the blocks in KINDS' order.
    """
    return tuple(
        _predict_device(device, [replace(settings, dtype=dtype) for settings in group])
        for device in DEVICES
        for dtype in _dtypes(device, group[0].dtype)
    )


def _dtypes(device: PublishedDevice, dtype: Dtype) -> tuple[Dtype, ...]:
    """The peaks that a run in this dtype may meet on a device."""
    return ("float32", "tf32") if dtype == "float32" and device.tf32 else (dtype,)


def _predict_device(device: PublishedDevice, group: Sequence[Settings]) -> DevicePrediction:
    seconds: dict[Kind, float] = {}
    limits: dict[Kind, Limit] = {}
    for kind, settings in zip(KINDS, group, strict=True):
        layers = device.predict(settings)
        if layers:
            seconds[kind] = total_s(layers)
            limits[kind] = max(layers, key=lambda layer: layer.seconds).limit
    return DevicePrediction(device.name, group[0].dtype, seconds or None, limits or None, device.source)


@dataclass(frozen=True, slots=True)
class NetworkPrediction:
    """The roofline of a whole network on a published device, and of a reference network: predictions, not times.

    device: its name, with ", TF32" where the products are done in that.
    """

    device: str
    seconds: float
    reference_s: float
    ratio: Ratio

    @property
    def delta_s(self) -> float:
        """How much longer the network takes than the reference, in seconds."""
        return self.seconds - self.reference_s


def predict_networks(
    network: XceptionSpec, size: int, reference: XceptionSpec, reference_size: int
) -> tuple[NetworkPrediction, ...]:
    """Both networks on EXAMPLE_DEVICES, one picture in float32, and in TF32 where the device has it.

    size, reference_size: the picture's height and width.
    """
    predictions: list[NetworkPrediction] = []
    for device in (device for device in DEVICES if device.name in EXAMPLE_DEVICES):
        for dtype in _dtypes(device, "float32"):
            seconds = _network_s(device, dtype, network, size)
            reference_s = _network_s(device, dtype, reference, reference_size)
            name = _name_with_precision(device.name, dtype)
            predictions.append(NetworkPrediction(name, seconds, reference_s, ratio(seconds, reference_s)))
    return tuple(predictions)


@lru_cache(maxsize=64)
def _network_s(device: PublishedDevice, dtype: Dtype, spec: XceptionSpec, size: int) -> float:
    layers = device.predict(Settings(spec, size, size, dtype=dtype))
    assert layers, "a device has a float32 peak, and _dtypes names no other that it lacks"
    return total_s(layers)
