"""Asks GitHub itself for the runner groups of a stack: Pulumi's provider (6.15) takes a deleted one for unchanged."""

import os
from collections.abc import Iterable

from access.forge_errors import ForgeRefusedError, ForgeUnreachableError, answers_are_read
from access.github.client import GitHubClient
from access.github.groups import runner_groups
from access.github.tokens import token_for
from access.github.wiring import GROUPS
from config import StackConfigError
from config.forge_questions import forge_questions
from gpu_runners.pulumi_command import Program
from gpu_runners.review.core.evidence import Json
from gpu_runners.review.core.runner_groups import declared_groups
from gpu_runners.stack_config import ConfigUnreadableError, config_of
from values.forge_questions import WiringQuestion
from values.scope import Scope


class GroupsUnreadableError(Exception):
    """Nobody could tell which runner groups there are; the message says why, without a secret."""


def read_groups(program: Program, state: Iterable[Json]) -> tuple[Json, ...]:
    """Every runner group of the organizations in which the stack declares any: organization, id and name.

    Nothing is asked for a stack that declares none. Raises GroupsUnreadableError and PulumiFailedError.
    """
    if not declared_groups(state):
        return ()
    try:
        questions = forge_questions(config_of(program, os.environ))
    except (ConfigUnreadableError, StackConfigError) as error:
        raise GroupsUnreadableError(f"the stack's config cannot be read: {error}") from error
    if questions is None or questions.wiring is None:
        raise GroupsUnreadableError("the stack's config has no credential for them")
    try:
        with answers_are_read("a question about runner groups"):
            return tuple(_read(questions.wiring))
    except (ForgeRefusedError, ForgeUnreachableError) as error:
        raise GroupsUnreadableError(str(error)) from error


def _read(question: WiringQuestion) -> list[Json]:
    groups: list[Json] = []
    with GitHubClient.of_scope(question.forge, question.ca) as client:
        for organization in sorted({group.organization for group in question.groups}):
            token = token_for(client, question.credential, Scope(organization), GROUPS)
            for group in runner_groups(client, Scope(organization), token):
                groups.append({"organization": organization, "id": group["id"], "name": group["name"]})
    return groups
