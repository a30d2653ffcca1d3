"""`python -m signkit.verify`: the one line of this room that looks up, and that nothing imports."""

import sys

from signkit.device.main import main

sys.exit(main())
