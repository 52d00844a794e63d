"""``python -m chassis.testing.faultlab greetings_lab:SUBJECT --seconds 600``."""

import sys

from chassis.testing.faultlab.main import main

try:
    main()
except KeyboardInterrupt:
    sys.exit(130)  # everything that was started is stopped by now
