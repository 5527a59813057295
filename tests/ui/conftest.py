"""What every test of a page without a browser needs."""

from collections.abc import Iterator

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager


@pytest.fixture(autouse=True, scope="module")
def _only_our_components() -> Iterator[None]:
    """Each AppTest would search all installed packages for components, which takes longer than a page does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)
        yield
