"""python -m xception_lab: the same as the command `xception-lab`, see cli.app."""

import sys

from xception_lab.cli.app import main

sys.exit(main())
