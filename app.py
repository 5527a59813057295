"""Xception Lab: the start page."""

from xception_lab.comparison import compare
from xception_lab.ui.blocks import show_blocks
from xception_lab.ui.controls import main_controls
from xception_lab.ui.fields import compare_spec
from xception_lab.ui.frame import finish, frame

MAIN = ("out_channels", "kernel_size", "segments")

frame("start", MAIN)
spec = compare_spec(main_controls(MAIN))
show_blocks(spec, compare(spec), "macs", "blocks")
finish(MAIN)
