"""What a stack has to ask its forge: the one place where `pulumi up` and the doctor get their questions from."""

from config.job_groups import restrictions
from config.stack import StackConfig
from values.forge_questions import ForgeQuestions, RegistrarQuestion, WiringQuestion
from values.wiring import GroupWiring


def forge_questions(stack: StackConfig) -> ForgeQuestions | None:
    """None for a stack without a platform: only that one holds the credential."""
    platform = stack.platform
    if platform is None or stack.credential is None:
        return None
    registrar = RegistrarQuestion(
        forge=platform.forge,
        credential=stack.credential,
        scopes=tuple((environment.scope, environment.runner_group) for environment in platform.environments),
        ca=stack.forge_ca,
        restrictions=restrictions(platform),
        reruns=frozenset(environment.scope for environment in platform.environments if environment.rerun_lost_jobs),
        declared_groups=frozenset((group.organization.lower(), group.name) for group in stack.github.groups),
    )
    if stack.wiring_credential is None:
        return ForgeQuestions(registrar)
    wiring = WiringQuestion(
        forge=platform.forge,
        credential=stack.wiring_credential,
        groups=tuple(
            GroupWiring(group.organization, group.name, group.repositories, group.workflows)
            for group in stack.github.groups
        ),
        repositories=stack.github.repositories,
        ca=stack.forge_ca,
    )
    return ForgeQuestions(registrar, wiring)
