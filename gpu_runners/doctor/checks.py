"""The checks of a stack, in the order in which they are told: cluster, forge, images. Asks through the edges only."""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from lightkube.utils.quantity import parse_quantity

from access.cluster.choice import ClusterChoice
from access.cluster.claims import ask_about_claim, claims_of_others
from access.cluster.connection import ClusterConnection
from access.cluster.errors import ClusterError, ClusterUnreachableError, objects_are_read
from access.cluster.keda import ask_about_keda, needs_keda
from access.forge_errors import ForgeUnreachableError, answers_are_read
from config import StackConfig
from config.forge_questions import forge_questions
from config.hosted_labels import doubtful_labels
from config.job_groups import unrestricted
from config.platform import PlatformConfig, own_namespaces, queues
from gpu_runners.doctor import gitea, github
from gpu_runners.doctor.cluster import ClusterChecks, version
from gpu_runners.doctor.core.findings import Finding, State, doubtful, ok, unknown, wrong
from gpu_runners.doctor.core.images import Pull
from gpu_runners.doctor.core.nodes import Need
from gpu_runners.doctor.core.quota_scopes import Wish
from gpu_runners.doctor.core.rights import of_platform, of_pools
from gpu_runners.doctor.egress import egress_to_api_server, egress_to_forge
from gpu_runners.doctor.registrar import registrar, registrar_place
from gpu_runners.doctor.registry import images
from gpu_runners.doctor.resolvers import resolvers
from gpu_runners.doctor.trial import trials
from gpu_runners.stack_config import StackSource
from values.contract import TRUST_CONFIG_MAP
from values.forge_questions import ForgeQuestions
from values.placement import node_selector
from values.pool import RunnerPool, missing_self_hosted, most_runners, pools_config_map
from values.registry_login import read_logins
from values.scope import GITHUB


def checks(stack: StackConfig, source: StackSource, choice: ClusterChoice) -> Iterator[Finding]:
    """Everything about a stack that was read from there; each finding as soon as it is known."""
    yield from labels(stack.pools, own_namespaces(stack.platform))
    cluster = version(choice)
    yield cluster
    if cluster.state is State.OK:
        yield from _of_cluster(stack, source, choice)
    if stack.platform:
        yield from base_runners(stack.platform)
        yield from egress_to_forge(stack, stack.platform)
    yield from _of_forge(forge_questions(stack))
    yield from images(_images(stack))


def labels(pools: Sequence[RunnerPool], own: Collection[str]) -> Iterator[Finding]:
    """What jobs must not write to get a runner of these pools, and what pools must not have; own: the platform's."""
    yield from (doubtful("labels", problem) for problem in doubtful_labels(pools, own))
    for pool in pools:
        if problem := missing_self_hosted(pool):
            yield doubtful("labels", problem)


def base_runners(platform: PlatformConfig) -> Iterator[Finding]:
    """Which jobs get to runners whose jobs may have rights, where no group keeps others off them."""
    for sentence in unrestricted(platform):
        yield ok("base runners", sentence)


def need(pool: RunnerPool) -> Need:
    """What a pod of the pool asks of its node."""
    gpu = pool.get("gpu")
    requests = {"cpu": _amount(pool["cpu"]), "memory": _amount(pool["memory"])}
    if gpu is None:
        return Need(pool["name"], most_runners(pool), requests, selector=node_selector(gpu))
    return Need(
        pool["name"],
        most_runners(pool),
        requests,
        devices={gpu["resource"]: gpu["count"]},
        selector=node_selector(gpu),
        tolerations=[{key: str(value) for key, value in toleration.items()} for toleration in gpu["tolerations"]],
    )


def wish(pool: RunnerPool) -> Wish:
    """What all pods of the pool ask of its namespace's quotas."""
    devices = {pool["gpu"]["resource"]: pool["gpu"]["count"] * most_runners(pool)} if "gpu" in pool else {}
    return Wish(pool["name"], devices, pool.get("priority_class", ""))


def _of_cluster(stack: StackConfig, source: StackSource, choice: ClusterChoice) -> Iterator[Finding]:
    declared = {environment.namespace for environment in stack.platform.environments} if stack.platform else set()
    wishes: dict[str, list[Wish]] = {pool["namespace"]: [] for pool in stack.pools}
    for pool in stack.pools:
        wishes[pool["namespace"]].append(wish(pool))
    try:
        connection = ClusterConnection(choice)
    except ClusterError as error:  # it was there a moment ago
        yield Finding(State.UNKNOWN, "cluster", error.problem.found, "run this again")
        return
    with connection:
        cluster = ClusterChecks(connection)
        parts = [
            cluster.namespaces(own_namespaces(stack.platform), source.name),
            cluster.nodes([need(pool) for pool in stack.pools]),
            *(
                _of_namespace(source, cluster, namespace=namespace, wishes=listed, declared=declared)
                for namespace, listed in wishes.items()
            ),
            _pull_secrets(stack, cluster),
            *([_of_platform(stack, stack.platform, cluster, connection)] if stack.platform else []),
            autoscaling(stack, connection),
            caches(stack, connection),
            _registrars(stack, connection),
            trials(source, stack.pools, connection, declared),
        ]
        for part in parts:
            yield from readable(part)


def readable(findings: Iterator[Finding]) -> Iterator[Finding]:
    """What a cluster's answers tell; one that cannot be read ends these, and is told."""
    try:
        with objects_are_read("the doctor"):
            yield from findings
    except ClusterUnreachableError as error:
        yield unknown("cluster", error.problem.found, error.problem.cure)


def _of_namespace(
    source: StackSource,
    cluster: ClusterChecks,
    *,
    namespace: str,
    wishes: Sequence[Wish],
    declared: Container[str],
) -> Iterator[Finding]:
    yield from cluster.quota(namespace, wishes, declared=namespace in declared)
    if namespace not in declared:
        yield cluster.registrar(namespace, TRUST_CONFIG_MAP)
        yield cluster.rights(namespace, of_pools(namespace, pools_config_map(source.name)))


def _of_platform(
    stack: StackConfig, platform: PlatformConfig, cluster: ClusterChecks, connection: ClusterConnection
) -> Iterator[Finding]:
    environments = platform.environments
    yield cluster.default_priority({e.namespace: e.extras["priority_classes"] for e in environments})
    places = sorted({platform.registrar_namespace, *(environment.namespace for environment in environments)})
    yield cluster.rights("the whole cluster and the platform's namespaces", of_platform(places))
    yield from egress_to_api_server(stack, platform, connection)
    yield resolvers(connection, stack.dns_cidrs)


def autoscaling(stack: StackConfig, cluster: ClusterConnection) -> Iterator[Finding]:
    """Nothing of a stack that neither has pools that follow the queue nor lets KEDA scale any."""
    declared = queues(stack.platform)
    if not needs_keda(stack.pools, declared):
        return
    try:
        _, problems = ask_about_keda(cluster, stack.pools, declared)
    except ClusterError as error:
        yield Finding(State.UNKNOWN, "autoscaling", error.problem.found, error.problem.cure)
        return
    yield from (wrong("autoscaling", problem) for problem in problems)
    if not problems:
        yield ok("autoscaling", "KEDA is there, with its metrics server, and nothing else scales these pools")


def caches(stack: StackConfig, cluster: ClusterConnection) -> Iterator[Finding]:
    """Whether the claims are there, and can be bound, that pools mount and another stack makes."""
    for namespace, claim in claims_of_others(stack.pools, own_namespaces(stack.platform)):
        check = f"cache {claim} of {namespace}"
        try:
            problems, concerns = ask_about_claim(cluster, namespace, claim)
        except ClusterError as error:
            cure = f"`kubectl --namespace {namespace} get persistentvolumeclaim {claim}` shows whether it is there"
            yield unknown(check, error.problem.found, cure)
            continue
        yield from (wrong("caches", problem) for problem in problems)
        yield from (doubtful("caches", concern) for concern in concerns)
        if not problems + concerns:
            yield ok(check, "the claim is there, and has a volume or gets one with its first pod")


def _registrars(stack: StackConfig, cluster: ClusterConnection) -> Iterator[Finding]:
    """What the registrar says that serves the stack's pools, once for each."""
    if stack.platform:
        yield from registrar(cluster, stack.platform.registrar_namespace, declared=True)
        return
    try:
        places = {registrar_place(cluster, pool["namespace"]) for pool in stack.pools}
    except ClusterError:  # which the check of the platform tells
        return
    for place in sorted(filter(None, places)):
        yield from registrar(cluster, place, declared=False)


def _pull_secrets(stack: StackConfig, cluster: ClusterChecks) -> Iterator[Finding]:
    """Of those that are named and not made by this stack."""
    made: Container[str] = ()
    named: dict[str, list[str]] = {}
    if stack.platform:
        made = stack.platform.pull_secrets
        named[stack.platform.registrar_namespace] = list(stack.platform.registrar_pull_secrets)
    for pool in stack.pools:
        named.setdefault(pool["namespace"], []).extend(pool.get("pull_secrets", []))
    for namespace, names in named.items():
        if others := [name for name in dict.fromkeys(names) if name not in made]:
            yield cluster.pull_secrets(namespace, others)


def _of_forge(questions: ForgeQuestions | None) -> Iterator[Finding]:
    if questions is None:
        return  # the platform's stack holds the credential, so only there it can be asked
    if questions.registrar.forge.kind != GITHUB:
        yield from answered(gitea.registrar(questions.registrar))
        return
    yield from answered(github.registrar(questions.registrar))
    if questions.wiring is not None:
        yield from answered(github.wiring(questions.wiring))


def answered(findings: Iterator[Finding]) -> Iterator[Finding]:
    """What a forge's answers tell; one that cannot be read ends these, and is told."""
    try:
        with answers_are_read("the doctor"):
            yield from findings
    except ForgeUnreachableError as error:
        yield unknown("forge", str(error), "check the scope's URL, and what stands between here and the forge")


def _images(stack: StackConfig) -> Iterator[Pull]:
    contents = stack.platform.pull_secrets if stack.platform else {}
    if stack.platform:
        yield _pull(stack.platform.registrar_image, stack.platform.registrar_pull_secrets, contents)
    for pool in stack.pools:
        for image in (pool["runner_image"], pool["image"]):
            yield _pull(image, pool.get("pull_secrets", []), contents)


def _pull(image: str, secrets: Iterable[str], contents: Mapping[str, str]) -> Pull:
    """An image with the logins of those pull Secrets that this stack makes."""
    names = tuple(secrets)
    return Pull(
        image, names, tuple(login for name in names if name in contents for login in read_logins(contents[name]))
    )


def _amount(text: str) -> Decimal:
    return parse_quantity(text) or Decimal(0)
