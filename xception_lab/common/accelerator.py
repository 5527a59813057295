"""Whether this machine has an accelerator, judged without torch."""

import platform
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def accelerator_likely() -> bool:
    """Whether torch would find an accelerator, judged without importing it: by its build and the system's devices."""
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    module = find_spec("torch")
    if module is None or not module.origin:
        return False
    version = (Path(module.origin).parent / "version.py").read_text(encoding="utf-8")
    built_for = {name: f"{name}: Optional[str] = None" not in version for name in ("cuda", "hip", "xpu")}
    in_wsl = Path("/dev/dxg").exists()  # Linux inside Windows reaches every device through this one
    return (
        (built_for["cuda"] and (Path("/dev/nvidiactl").exists() or in_wsl or platform.system() == "Windows"))
        or (built_for["hip"] and (Path("/dev/kfd").exists() or in_wsl))
        or (built_for["xpu"] and Path("/dev/dri").exists())
    )
