"""`python -m lab.review_demo`: a pull request's one comment, from change to drift to repair to clean. 0: all was seen.

Makes a stack, a repository and namespaces of its own and takes them away again.
"""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C while all this loads ends it, without a traceback

import argparse
import os
import sys
import tempfile
from pathlib import Path

from lab import cluster, environment, gitea
from lab.demo.story import Story
from lab.errors import LabError
from lab.gitea_api import GiteaApi
from lab.review_demo import by_hand, picture, scene
from lab.review_demo.command import Commands
from lab.review_demo.forge_page import ForgePage


def main(arguments: list[str]) -> int:
    """Plays it; 0 when every comment said what it should, else 1 (2: wrong usage, 130: stopped by hand)."""
    parser = argparse.ArgumentParser(prog="python -m lab.review_demo", description=__doc__)
    parser.add_argument("--save", type=Path, help="folder for the comment with drift, as Markdown and as a page")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    story = Story()
    try:
        cluster.up(lambda line: story.log("lab", line))
        os.environ.update(environment.load())
        with tempfile.TemporaryDirectory(prefix="review-demo-") as folder, GiteaApi(gitea.URL, gitea.token()) as api:
            commands = Commands.make(Path(folder), environment.load())
            try:
                return _play(story, commands, api, chosen.save)
            finally:
                story.log("pulumi", "destroys the demo's stack")
                commands.destroy()
                api.delete(f"/repos/{scene.REPOSITORY}")
    except LabError as error:
        story.log("error", str(error))
        return 1
    except KeyboardInterrupt:
        story.log("stopped", "by hand; the lab is still up: `make lab-down` ends it")
        return 130


def _play(story: Story, commands: Commands, api: GiteaApi, save: Path | None) -> int:
    before, after = scene.main_branch(gitea.URL), scene.pull_request(gitea.URL)
    page = ForgePage.open(api, scene.text(before), scene.text(after))
    story.log("forge", f"pull request {gitea.URL}/{scene.REPOSITORY}/pulls/{page.number}: a pool more, a wider egress")
    commands.configure(before)
    commands.up()
    story.log("pulumi", "the main branch is up: one pool of one GPU")
    verdicts = [_review(story, commands, page, after)]
    for line in by_hand.make_drift(commands.environment):
        story.log("by hand", line)
    verdicts.append(_review(story, commands, page, after))
    (comment,) = page.comments()
    print(f"\n{comment}\n", flush=True)
    if save:
        (save / "comment.md").write_text(comment)
        (save / "comment.html").write_text(picture.page(page.html(comment)))
    commands.configure(before)
    commands.up("--refresh")
    story.log("pulumi", "`up --refresh` put back what it sees: the quota and the namespace's label")
    verdicts.append(_review(story, commands, page, after))
    commands.configure(before)
    for line in commands.repair().splitlines():
        story.log("repair", line)
    verdicts.append(_review(story, commands, page, after))
    page.merge()
    commands.up()
    story.log("pulumi", "merged and up: two GPUs, and a pool that waits for its first replica")
    verdicts.append(_review(story, commands, page, after))
    return _judge(story, page, verdicts)


def _review(story: Story, commands: Commands, page: ForgePage, config: scene.Config) -> str:
    commands.configure(config)
    verdict = commands.comment(page, scene.main_branch(gitea.URL))
    story.log("comment", verdict)
    return verdict


def _judge(story: Story, page: ForgePage, verdicts: list[str]) -> int:
    changed, drifted, half, repaired, clean = verdicts
    claims = {
        "the first comment shows the change and no drift": "to create" in changed and "drift in" not in changed,
        "drift in five places is found": "drift in 5 places" in drifted,
        "`up --refresh` leaves what was added": "drift in 3 places" in half,
        "`make repair` leaves no drift": "drift in" not in repaired,
        "after the merge the comment is clean": "nothing to change, no drift" in clean,
        "all of it was one comment": len(page.comments()) == 1,
    }
    for claim, is_seen in claims.items():
        story.log("seen" if is_seen else "NOT SEEN", claim)
    return 0 if all(claims.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
