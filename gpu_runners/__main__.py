"""`python -m gpu_runners`: as the program `gpu-runners`, which `scripts/make-launcher` puts into an environment."""

import signal
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - a machine's own python3 may be older, and the imports below would not say so
    sys.exit("error: gpu-runners needs Python 3.11 or newer, found {}.{}".format(*sys.version_info))

if __name__ == "__main__":
    # A Ctrl-C while it loads ends it, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from gpu_runners.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
