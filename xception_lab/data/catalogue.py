"""Every data set by its name: those that come with the lab, and a person's own."""

from xception_lab.common.messages import say
from xception_lab.data.builtin import DATASETS, load_builtin
from xception_lab.data.dataset import Dataset


def load_dataset(name: str) -> Dataset:
    """One of DATASETS, or an upload under the name that own_data.keep_dataset gave; the same object at every call.

    Raises ValueError naming field, value and rule for any other name.
    """
    if isinstance(name, str) and name.startswith("own-"):  # pyright: ignore[reportUnnecessaryIsInstance]
        from xception_lab.data.custom import load_custom

        return load_custom(name)
    if name not in DATASETS:
        allowed = ", ".join(map(repr, DATASETS))
        raise ValueError(say("name={name}: must be one of {allowed}", name=repr(name), allowed=allowed))
    return load_builtin(name)
