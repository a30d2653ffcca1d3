"""`python -m signkit.cli`: the same as the command `signkit`."""

import sys

from signkit.cli.start import main

sys.exit(main())
