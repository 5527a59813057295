"""The class's room: the teacher opens and leads it here, and here is its door for the class."""

from xception_lab.ui.classroom.page import open_joined_room, show_class
from xception_lab.ui.fields.classroom import ClassState
from xception_lab.ui.shell.frame import finish, frame

open_joined_room()
state = frame("class", ClassState)
carried = show_class()
finish(state, **carried)
