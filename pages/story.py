"""The story: the paper in ten questions, with a prediction before each answer."""

from xception_lab.ui.story.page import show_story

show_story()
