"""A pooled experiment: a class trains one seed each, and everybody sees one interval grow."""

from xception_lab.ui.fields.pool import PoolState
from xception_lab.ui.shell.frame import finish, frame
from xception_lab.ui.training.pool import pool_parameter, show_pool

state = frame("pool", PoolState)
show_pool()
finish(state, pool=pool_parameter())
