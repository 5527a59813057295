"""The moving picture as a person meets it: every number it shows, keys, finger, stillness, and a silent server."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from browsing import Visitor
from playwright.sync_api import Page, expect
from states import compare_spec

from xception_lab import block_cost
from xception_lab.drawing.worked_example import WorkedBlock, WorkedLayer, worked_example
from xception_lab.spec import KINDS

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
ACTIVATIONS = {"relu": F.relu, "elu": F.elu, "none": lambda values: values}

# every number of the three panels at every output pixel, the channels in turn, as a person pressing keys would see them
WALK = """async () => {
    const frame = () => new Promise(done => requestAnimationFrame(done))
    const host = document.querySelector(".st-key-moving")
    const root = [...host.querySelectorAll("*")].map(e => e.shadowRoot).find(r => r?.querySelector(".moving"))
    const moving = root.querySelector(".moving")
    const number = text => Number(text.replace("−", "-").replace(",", ""))
    const stage = root.querySelector(".stage")
    const press = key => stage.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }))
    const look = panel => Object.fromEntries([...panel.querySelectorAll("[data-part]")].map(part =>
        [(part.closest(".rod") ? "rod-" : part.closest(".window") ? "window-" : "") + part.dataset.part,
         part.matches(".group") ? [...part.children].map(cell => number(cell.textContent)) : number(part.textContent)]))
    const seen = []
    press("Home")
    const pixels = Number(root.querySelector("input[type=range]").max)
    for (let pixel = 0; pixel < pixels; pixel++) {
        await frame()
        seen.push({ ...moving.dataset, panels: [...root.querySelectorAll(".panel")].map(look) })
        press("ArrowRight")
        press("PageDown")
    }
    return seen
}"""


def _weights(layer: WorkedLayer) -> torch.Tensor:
    conv = layer.conv
    shape = (conv.out_channels, conv.in_channels // conv.groups, conv.kernel_size, conv.kernel_size)
    return torch.tensor(layer.halves, dtype=torch.float64).view(shape) / 2


def _conv(layer: WorkedLayer, values: torch.Tensor) -> torch.Tensor:
    conv = layer.conv
    return F.conv2d(values[None], _weights(layer), None, conv.stride, conv.padding, conv.dilation, conv.groups)[0]


def _window(layer: WorkedLayer, values: torch.Tensor, out: int, channel: int, pixel: int) -> dict[str, torch.Tensor]:
    """What one output value reads of one input channel, the kernel slice, and their products."""
    conv = layer.conv
    patches = F.unfold(values[None, channel, None], conv.kernel_size, conv.dilation, conv.padding, conv.stride)
    within = conv.in_channels // conv.groups
    kernel = _weights(layer)[out, channel - out // (conv.out_channels // conv.groups) * within].flatten()
    patch = patches[0, :, pixel]
    return {"values": patch, "weights": kernel, "products": patch * kernel}


def _expected(strip: WorkedBlock, tensor: torch.Tensor, pixel: int, out: int) -> dict[str, Any]:
    """Every number of a panel, by torch; the input channel in view is the first that the output value reads."""
    first, last = strip.layers[0], strip.layers[-1]
    if strip.kind == "standard":
        window = _window(first, tensor, out, 0, pixel)
        parts = [_window(first, tensor, out, c, pixel)["products"].sum() for c in range(len(tensor))]
        value = _conv(first, tensor)[out].flatten()[pixel]
        rod, said = {"parts": parts}, {"sum": window["products"].sum(), "value": value}
    else:
        raw = _conv(first, tensor)
        middle = ACTIVATIONS[strip.between or "none"](raw)
        said = {"value": _conv(last, middle)[out].flatten()[pixel]}
        if strip.kind == "separable":
            channel, at = 0, pixel
            window = _window(first, tensor, 0, 0, pixel)
            rod = {"values": middle.flatten(1)[:, pixel], "weights": _weights(last)[out].flatten()}
        else:
            per_segment = last.conv.in_channels // last.conv.groups
            channel = out // per_segment * per_segment
            window = _window(last, middle, out, channel, pixel)
            # the kernel's middle lies in the picture in all that is tried here
            conv, side = last.conv, first.side
            centre = conv.dilation * (conv.kernel_size // 2) - conv.padding
            y, x = (where * conv.stride + centre for where in divmod(pixel, last.side))
            at = y * side + x
            rod = {"values": tensor.flatten(1)[:, at], "weights": _weights(first)[channel].flatten()}
            if per_segment > 1:
                said["sum"] = window["products"].sum()
        rod["products"] = rod["values"] * rod["weights"]
        said |= {"raw": raw[channel].flatten()[at], "after": middle[channel].flatten()[at]}
    return (
        {f"window-{part}": values.tolist() for part, values in window.items()}
        | {f"rod-{part}": [float(value) for value in values] for part, values in rod.items()}
        | {part: float(value) for part, value in said.items()}
        | {"count": strip.counts[pixel + 1]}
    )


@pytest.mark.parametrize(
    "values",
    [
        {},
        {
            "in_channels": "3",
            "segments": "4",
            "stride": "2",
            "padding": "2",
            "dilation": "2",
            "intermediate": "elu",
            "depth_multiplier": "2",
        },
    ],
    ids=str,
)
def test_every_number_is_torchs(visit: Visit, values: dict[str, str]) -> None:
    spec = compare_spec(values)
    small = worked_example(spec)
    page = visit().open("/compare?" + "&".join(f"{key}={value}" for key, value in values.items()))
    page.locator(".moving[data-pixel]").wait_for()
    seen = page.evaluate(WALK)
    size = small.spec.size
    tensor = torch.tensor(small.tensor, dtype=torch.float64).view(-1, size, size)
    assert [int(look["pixel"]) for look in seen] == list(range(small.blocks[0].layers[0].side ** 2))
    for look in seen:
        for strip, panel in zip(small.blocks, look["panels"], strict=True):
            wanted = _expected(strip, tensor, int(look["pixel"]), int(look["out"]))
            assert panel.keys() == wanted.keys()
            for part, value in wanted.items():
                assert panel[part] == pytest.approx(value, abs=0.00501), (strip.kind, part, look["pixel"])
    for kind, panel in zip(KINDS, seen[-1]["panels"], strict=True):
        assert panel["count"] == block_cost(small.spec.block(kind), size, size).macs


def _state(page: Page) -> dict[str, str]:
    return page.locator(".moving").evaluate("node => ({ ...node.dataset })")


def _messages(page: Page) -> list[int]:
    """What the page sends to its server from now on."""
    sent: list[int] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(len(frame))))
    return sent


def test_pointer_and_finger_touch_a_value_and_the_server_hears_nothing(visit: Visit) -> None:
    visitor = visit(has_touch=True)
    page = visitor.new_tab()
    sent = _messages(page)
    page.goto(visitor.server.url + "/compare", wait_until="commit")
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
    stages = page.locator(".moving .stage")
    expect(stages).to_have_count(3)
    page.locator(".moving[data-pixel]").wait_for()
    before = len(sent)
    box = stages.nth(1).bounding_box()
    assert box
    # the last row's first channel, near its lower left corner, and then its last channel
    page.mouse.move(box["x"] + 16, box["y"] + 205)
    expect(page.locator(".moving")).to_have_attribute("data-out", "0")
    one = _state(page)
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 200)
    expect(page.locator(".moving")).to_have_attribute("data-out", "7")
    assert _state(page)["pixel"] != one["pixel"]
    assert _state(page)["progress"] == one["progress"], "looking is not stepping"
    page.mouse.move(5, 5)
    expect(page.locator(".moving")).to_have_attribute("data-out", "0")
    page.touchscreen.tap(box["x"] + box["width"] - 20, box["y"] + 200)
    expect(page.locator(".moving")).to_have_attribute("data-out", "7")
    expect(page.locator(".moving .play")).to_have_attribute("aria-label", "Play")
    expect(page.locator(".moving .live")).to_contain_text("channel 8")
    assert len(sent) == before


def test_keys_lead_through_the_picture_and_stillness_is_kept(visit: Visit) -> None:
    page = visit(reduced_motion="reduce").open("/compare")
    moving = page.locator(".moving")
    expect(moving).to_have_attribute("data-pixel", "26")
    expect(page.locator(".moving .play")).to_have_attribute("aria-label", "Play")
    page.locator(".moving .ask").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".moving .stage").first).to_be_focused()
    for key, pixel, out in (
        ("Home", "0", "0"),
        ("ArrowRight", "1", "0"),
        ("ArrowDown", "9", "0"),
        ("ArrowLeft", "8", "0"),
        ("ArrowUp", "0", "0"),
        ("PageUp", "0", "7"),
        ("PageDown", "0", "0"),
        ("End", "63", "0"),
    ):
        page.keyboard.press(key)
        expect(moving).to_have_attribute("data-pixel", pixel)
        expect(moving).to_have_attribute("data-out", out)
    said = page.locator(".moving .live").text_content() or ""
    assert re.match(r"Output row 8, column 8, channel 1: Standard convolution: ", said)
    counts = page.locator(".moving .count > strong").all_text_contents()
    assert counts == [f"{strip.counts[-1]:,}" for strip in worked_example(compare_spec({})).blocks]
    page.keyboard.press("Space")
    expect(page.locator(".moving .play")).to_have_attribute("aria-label", "Pause")
    expect(moving).to_have_attribute("data-pixel", "1")
    page.keyboard.press("Space")
    expect(page.locator(".moving .play")).to_have_attribute("aria-label", "Play")
