"""Makes a GitHub App with exactly the permissions that gpu-runners needs, through a page in your browser.

KIND: repository (a registrar's, for runners of repositories), organization (a registrar's, for runners of an
organization) or wiring (for variables, secrets, environments and runner groups that `pulumi up` declares).
Exit codes: 0 made, 1 not made.
"""

import argparse
import os
import sys
from pathlib import Path

from gpu_runners.app.handshake import HandshakeError, make_app
from gpu_runners.app.manifest import KINDS, Order, next_steps


def main(arguments: list[str]) -> int:
    """Runs the command; returns the exit code."""
    chosen = parser().parse_args(arguments)
    file = chosen.to or Path(f"{chosen.kind}.private-key.pem")
    order = Order(chosen.kind, chosen.github.rstrip("/"), chosen.organization, chosen.name)
    try:
        # First of all: a key that cannot be kept is lost.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        print(f"error: {file} cannot be made: {error.strerror}; name another with --to", file=sys.stderr)
        return 1
    with os.fdopen(descriptor, "w") as key:
        try:
            app = make_app(order, chosen.port, lambda line: print(line, flush=True))
            key.write(app["pem"])
        except (HandshakeError, KeyboardInterrupt) as error:
            file.unlink()
            print(f"error: {error or 'ended from outside'}", file=sys.stderr)
            return 1
    print(next_steps(order, app, file))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    formatter = argparse.RawDescriptionHelpFormatter
    found = argparse.ArgumentParser(prog="python -m gpu_runners.app", description=__doc__, formatter_class=formatter)
    found.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    found.add_argument("--organization", default="", metavar="NAME", help="the owner (your own account)")
    found.add_argument("--github", default="https://github.com", metavar="URL", help="(https://github.com)")
    found.add_argument("--name", default="", help="names are unique at GitHub: choose another where one is taken")
    found.add_argument("--to", type=Path, metavar="FILE", help="the App's key (KIND.private-key.pem)")
    found.add_argument("--port", type=int, default=8976, help="of the page on this machine (8976)")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
