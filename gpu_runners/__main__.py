"""`python -m gpu_runners`: as the program `gpu-runners`, which `scripts/make-launcher` puts into an environment."""

import sys

from gpu_runners.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
