"""The forge of a demo: `forge` is what the rest of the demo sees of it, `gitea` and `github` are those that there are.

`runs` reads runs from either, as Gitea speaks this part of GitHub's API; `workflow` makes the example's workflow one
that the stand-in for GitHub can run. Another forge is one more module, and its name in `CHOICES`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from lab.demo.forges.forge import Forge
from lab.demo.forges.gitea import Gitea
from lab.demo.forges.github import GitHub

CHOICES: Final[Mapping[str, Callable[[int], Forge]]] = {"gitea": Gitea, "github": GitHub}
