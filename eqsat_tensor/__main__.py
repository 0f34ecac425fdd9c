"""``python -m eqsat_tensor`` is the command ``eqsat``."""

from eqsat_tensor.cli import main

main()
