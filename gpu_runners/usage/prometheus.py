"""What only the metrics know of a pool's week: GPU-hours that stood idle, and runners that failed, by reason."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Self

from access.forge_connection import ForgeConnection
from access.forge_errors import ForgeRefusedError, ForgeUnreachableError
from gpu_runners.errors import CommandFailedError
from gpu_runners.usage.records import text
from gpu_runners.usage.report import Idle, Key
from gpu_runners.usage.weeks import Week
from values.problem import Problem

IDLE: Final = 'sum by (namespace, pool) (increase(gpu_runners_gpu_seconds_total{state="idle"}[%ds]))'
_FAILED: Final = "gpu_runners_runner_failures_total"
# A series begins with its first failure, at 1, which increase() does not see. One that was there in the six hours
# before only had a gap, as when Prometheus or the registrar was away, and what it begins with is old.
FAILURES: Final = (
    f"sum by (namespace, pool, reason) (increase({_FAILED}[%(s)ds]) + "
    f"(min_over_time({_FAILED}[%(s)ds]) unless max_over_time({_FAILED}[6h] offset %(s)ds)) "
    f"or increase({_FAILED}[%(s)ds]))"
)
_HOUR: Final = 3600


class Prometheus:
    """One Prometheus. Raises CommandFailedError where it gives no answer that can be read."""

    def __init__(self, url: str, token: str = "") -> None:
        """token is shown where one is given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url
        try:
            self._http = ForgeConnection(url.rstrip("/"), is_hosted=False, headers=headers, with_token=bool(token))
        except ForgeRefusedError as error:
            raise CommandFailedError(str(_problem(url, error.problems[0].found))) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.__exit__()

    def idle(self, weeks: Iterable[Week], pools: Iterable[str], now: datetime) -> dict[Key, Idle]:
        """Of each of these pools in each week, as far as it is known."""
        wanted, known = set(pools), {}
        for week in weeks:
            end = min(week.end, now)
            seconds = max(1, int((end - week.begin).total_seconds()))
            hours = {_pool(labels): number / _HOUR for labels, number in self._ask(IDLE % seconds, end)}
            failures: dict[str, dict[str, int]] = defaultdict(dict)
            for labels, number in self._ask(FAILURES % {"s": seconds}, end):
                if round(number):
                    failures[_pool(labels)][text(labels.get("reason"))] = round(number)
            for pool in wanted & (hours.keys() | failures.keys()):
                known[week, pool] = Idle(gpu_hours=hours.get(pool), failures=failures.get(pool, {}))
        return known

    def _ask(self, query: str, time: datetime) -> list[tuple[Mapping[str, Any], float]]:
        parameters = {"query": query, "time": str(int(time.timestamp()))}
        try:
            answer = self._http.request("GET", "/api/v1/query", parameters=parameters)
            document = json.loads(answer.content)
            result: list[dict[str, Any]] = document["data"]["result"] if answer.is_success else document["error"]
            values = [(dict(entry["metric"]), float(entry["value"][1])) for entry in result]
            return [(labels, number) for labels, number in values if math.isfinite(number)]  # it knows NaN and Inf
        except (ForgeUnreachableError, ForgeRefusedError) as error:
            raise CommandFailedError(f"Prometheus: {error}") from error
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            status = f"{answer.status_code} {answer.text[:200]!r}"
            raise CommandFailedError(f"Prometheus at {self._url} answers {status}, and no list of values") from error


def _problem(url: str, found: str) -> Problem:
    """What is wrong with its address, in words about a Prometheus; repeats nothing of it, as it may hold a password."""
    found = "a name or a password in it" if "@" in url else found
    allowed = "https://HOST, or without PROMETHEUS_TOKEN http://HOST:9090, each with a path or none"
    return Problem("--prometheus", found, allowed, "write its address alone; PROMETHEUS_TOKEN is for its token")


def _pool(labels: Mapping[str, Any]) -> str:
    return f"{labels.get('namespace')}/{labels.get('pool')}"
