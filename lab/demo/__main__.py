"""`python -m lab.demo`: from nothing to a model that was trained on a GPU runner made for it. Exit code 0: proved."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C while all this loads ends it, without a traceback

import argparse
import sys

from lab.demo import scaling, sequence
from lab.demo.forges import CHOICES
from lab.demo.story import Story
from lab.demo.unfinished import FLAG
from lab.errors import LabError


def main(arguments: list[str]) -> int:
    """Runs the demo; 0 when everything that it claims was seen, else 1 (2: wrong usage, 130: stopped by hand)."""
    parser = argparse.ArgumentParser(prog="python -m lab.demo", description=__doc__)
    parser.add_argument(
        "--forge", choices=CHOICES, default="gitea", help="the lab's Gitea, or its stand-in for GitHub (gitea)"
    )
    parser.add_argument(
        "--kubeconfig",
        action="store_true",
        help="the deploy job gets a kubeconfig from a CI secret, as for another cluster",
    )
    parser.add_argument(
        "--scale",
        choices=("deploy", "queue"),
        default="deploy",
        help="jobs deploy the pool and release it, or the pool follows the queue (deploy)",
    )
    parser.add_argument(
        FLAG,
        action="store_true",
        dest="cancel",
        help="cancel an earlier run that is not finished (asked on a terminal)",
    )
    chosen = parser.parse_args(arguments)

    def agreed(question: str) -> bool:
        return chosen.cancel or (sys.stdin.isatty() and input(question) == "yes")

    # A script's background job ignores SIGINT, and Pulumi would take seconds longer to end when it inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    story = Story()
    try:
        if chosen.scale == "queue":
            return scaling.run(story, CHOICES[chosen.forge](scaling.JOBS), agreed)
        return sequence.run(story, CHOICES[chosen.forge](0), agreed, with_kubeconfig=chosen.kubeconfig)
    except LabError as error:
        story.log("error", str(error))
        return 1
    except KeyboardInterrupt:
        story.log("stopped", "by hand; the lab is still up: `make lab-down` ends it")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
