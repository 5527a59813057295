"""Published peaks of devices, each with its source, and what the roofline predicts on them.

Dense figures, no sparsity. Half precision is that of tensor cores with float32 accumulation, as torch uses them.
None: not published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from xception_lab.arch.comparison import Ratio, ratio
from xception_lab.spec import KINDS, Kind, XceptionSpec
from xception_lab.timing.roofline import LayerBound, Limit, roofline, total_s
from xception_lab.timing.settings import Dtype, Settings

TERA, GIGA = 1e12, 1e9
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

    def predict(self, settings: Settings) -> tuple[LayerBound, ...] | None:
        """The roofline of each layer on this device; None where no peak of the dtype is published."""
        peak = self.flops_per_s(settings.dtype)
        return roofline(settings, peak, self.bytes_per_s) if peak else None


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

    seconds, limits: by block; a block's limit is that of its slowest layer. source: of the device's peaks.
    """

    device: str
    seconds: dict[Kind, float] | None
    limits: dict[Kind, Limit] | None
    source: str


def predict_devices(group: Sequence[Settings]) -> tuple[DevicePrediction, ...]:
    """The textbook's roofline of the three blocks on every published device. group: the blocks in KINDS' order."""
    predictions: list[DevicePrediction] = []
    for device in DEVICES:
        seconds: dict[Kind, float] = {}
        limits: dict[Kind, Limit] = {}
        for kind, settings in zip(KINDS, group, strict=True):
            layers = device.predict(settings)
            if layers:
                seconds[kind] = total_s(layers)
                limits[kind] = max(layers, key=lambda layer: layer.seconds).limit
        predictions.append(DevicePrediction(device.name, seconds or None, limits or None, device.source))
    return tuple(predictions)


@dataclass(frozen=True, slots=True)
class NetworkPrediction:
    """The roofline of a whole network on a published device, and of a reference network: predictions, not times."""

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
    """Both networks on EXAMPLE_DEVICES, one picture in float32. size, reference_size: its height and width."""
    predictions: list[NetworkPrediction] = []
    for device in (device for device in DEVICES if device.name in EXAMPLE_DEVICES):
        seconds, reference_s = _network_s(device, network, size), _network_s(device, reference, reference_size)
        predictions.append(NetworkPrediction(device.name, seconds, reference_s, ratio(seconds, reference_s)))
    return tuple(predictions)


@lru_cache(maxsize=64)
def _network_s(device: PublishedDevice, spec: XceptionSpec, size: int) -> float:
    return total_s(roofline(Settings(spec, size, size), device.float32, device.bytes_per_s))
