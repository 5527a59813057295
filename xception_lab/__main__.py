"""python -m xception_lab: the terminal, see cli.main."""

import sys

from xception_lab.cli.main import main

sys.exit(main())
