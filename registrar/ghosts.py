"""Runners of ours whose pods are gone: found, and removed only after their namespaces were listed afresh."""

import asyncio
from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

from registrar import situation
from registrar.actions import Actor, Ghost, Target
from registrar.decisions import Action, decide
from registrar.forge_view import ForgeView
from registrar.forge_watch import ForgeWatch
from registrar.forges.forge import Runner
from registrar.owners import Owners
from registrar.ownership import owned_runners
from registrar.pod_store import PodStore
from registrar.pods import RunnerPod
from registrar.settings import Settings
from registrar.treatments import Treatments
from values.scope import Scope

_LISTING: Final = "the pods of all namespaces"  # are listed, before anybody is treated


class Ghosts:
    """Remembers the Deployments whose pods it has seen: a runner that is named after none of them is not ours."""

    def __init__(
        self,
        settings: Settings,
        store: PodStore,
        actor: Actor,
        watch: ForgeWatch,
        scope: Scope,
        *,
        treatments: Treatments,
    ) -> None:
        self._store, self._actor, self._watch, self._scope = store, actor, watch, scope
        self._treatments = treatments
        self._namespaces = [grant.namespace for grant in settings.grants if grant.scope == scope]
        self._limit = settings.deadlines.ghost_seconds
        self._owners, self._listed_at = Owners(), float("-inf")

    @property
    def remembered(self) -> int:
        """How many Deployments it knows, those that are gone and of which something may be left included."""
        return len(self._owners)

    def note(self, pods: Sequence[RunnerPod]) -> None:
        """Remember whose pods these are; once for each list of runners, forget whose pods and runners are gone."""
        self._owners.note(pods)
        if self._watch.is_known and self._watch.listed_at != self._listed_at:
            self._listed_at = self._watch.listed_at
            self._owners.listed(self._watch.runner_names(), self._last_seen())

    def is_ours(self, runner: Runner) -> bool:
        """Whether a runner goes by the name of a pod of a Deployment that was seen here."""
        return runner.ephemeral and bool(self._owners.namespaces(runner.name))

    def namespaces(self, runner: Runner) -> frozenset[str]:
        """Where pods of the Deployment were seen whose name a runner bears."""
        return self._owners.namespaces(runner.name)

    def treat(self, pods: Sequence[RunnerPod], view: ForgeView, left_out: Collection[str]) -> None:
        """Have decided about every runner of ours that no pod has and that is not being treated."""
        self.note(pods)
        if not view.jobs_known:
            return  # which of them has a job is not known
        if _LISTING in left_out or not any(map(self._is_ripe, view.runners.values())):
            return  # whose they are need not be found out: there are hundreds, in each cycle
        podless = (runner for runner in self._podless(view, pods) if _name(runner) not in left_out)
        ripe = [runner for runner in podless if self._is_ripe(runner)]
        if ripe:
            self._treatments.begin(_LISTING, (), partial(self._list, ripe, view))

    async def _list(self, ripe: Sequence[Runner], view: ForgeView) -> None:
        """List the pods afresh, then decide about each."""
        listed = all(await asyncio.gather(*map(self._store.refresh, self._namespaces)))
        podless = {runner.id for runner in self._podless(view, self._last_seen())}
        for runner in ripe:
            actions = self._decide(runner, view, listed=listed and runner.id in podless)
            if actions:
                self._treatments.begin(_name(runner), actions, partial(self._treat, runner, actions))

    def _decide(self, runner: Runner, view: ForgeView, *, listed: bool) -> tuple[Action, ...]:
        facts = situation.runner_state(
            runner,
            situation.standing(runner, view),
            view,
            unseen_seconds=self._watch.unseen_seconds(runner.id),
            unseen_limit=self._limit,
            cordoned_seconds=self._watch.cordoned_seconds(runner.id),
            namespaces_listed=listed,
        )
        return decide(None, facts)

    async def _treat(self, runner: Runner, actions: Sequence[Action]) -> None:
        ghost = Ghost(namespace=self._namespaces[0], name=runner.name)
        target = Target(scope=self._scope, pod=None, runner_id=runner.id, ghost=ghost)
        await self._actor.perform(target, actions)

    def _is_ripe(self, runner: Runner) -> bool:
        return self._watch.unseen_seconds(runner.id) > self._limit

    def _podless(self, view: ForgeView, pods: Sequence[RunnerPod]) -> list[Runner]:
        """Runners of ours that no pod has; of two that bear a pod's name the pod has one."""
        owned = {runner.id for runner in owned_runners(pods, view.runners).values()}
        return [runner for runner in view.runners.values() if self.is_ours(runner) and runner.id not in owned]

    def _last_seen(self) -> list[RunnerPod]:
        """Also in a namespace whose watch is broken, and which was listed a moment ago all the same."""
        return [pod for pod in self._store.last_seen() if pod.namespace in self._namespaces]


def _name(runner: Runner) -> str:
    """By which its treatment is known; no pod's uid."""
    return f"runner {runner.id}"
