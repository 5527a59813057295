"""The links of a class lead to the server by an address that other machines can use."""

import pytest

from xception_lab.classroom.reach import class_origin, own_address


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "lab.localhost"])
def test_a_name_that_means_each_machine_itself_is_replaced(host: str) -> None:
    assert class_origin(f"http://{host}:8501/class?x=1", "10.0.0.5")[0] == "http://10.0.0.5:8501"
    origin, note = class_origin(f"http://{host}:8501/class", None)
    assert (origin, "your own machine only" in note) == (f"http://{host}:8501", True)


@pytest.mark.parametrize("origin", ["http://10.0.0.5:8501", "https://lab.example.org", "http://[fd00::1]:8501"])
def test_an_address_that_others_can_use_stays(origin: str) -> None:
    assert class_origin(f"{origin}/class?room=BKWTRN", "10.0.0.7") == (origin, "")


def test_the_own_address_is_one_or_none() -> None:
    address = own_address()
    assert address is None or address.count(".") == 3
