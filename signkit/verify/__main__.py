"""`python -m signkit.verify`."""

import sys

from signkit.verify.main import main

sys.exit(main())
