"""GitHub's REST API through gidgethub: one connection pool, one pace, one cache, and errors that name the cure.

gidgethub makes headers, JSON, pages and conditional requests; here is only what it leaves to its user: how fast to ask,
what a refusal means, and counting.
"""

import contextvars
import json
import math
import re
import ssl
import time
import urllib.parse
from collections import OrderedDict
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import gidgethub
from gidgethub import aiohttp as gidgethub_aiohttp
from gidgethub import sansio

from registrar.forges.answers import LONGEST_WAIT_SECONDS, MOST_PAGES, read_body
from registrar.forges.forge import ForgeError, ForgeRefusedError, ForgeUnreachableError
from registrar.forges.github.pace import LIMITS, Budget, Lane, Limits
from registrar.forges.github.reading import of, slim
from registrar.forges.github.run_jobs import RUNS_A_SECOND
from registrar.untrusted import Entry, seconds, words
from values.github import is_limit, is_page

REQUESTER: Final = "gpu-runners"
# The oldest that github.com still serves; every GHES in support knows it.
HEADERS: Final = {"x-github-api-version": "2022-11-28"}
PAGE_SIZE: Final = 100
# Of answers kept for conditional requests: entries of lists, a kilobyte or two each; an answer counts as one more.
REMEMBERED: Final = 10_000
ENTRY_BYTES: Final = 2048
# An answer that nobody has asked for since is dropped: it is about a run, a job or a runner that is over. What is asked
# for again and again is so within five minutes, however many repositories there are; where more runs go on than can be
# asked for in that time, in as much more as it takes to ask for all in turn: else each would count against the hour.
KEEP_SECONDS: Final = 360.0
ASKED_A_SECOND: Final = RUNS_A_SECOND
CONNECTIONS: Final = 24  # far below GitHub's 100 at once
SKEW_SECONDS: Final = 30.0
REFUSED_RETRY_SECONDS: Final = 15.0
MOST_OF_A_PAGE: Final = 16_384  # bytes, of one that is not GitHub's, that are read for its words
_TAG: Final = re.compile(r"<[^<>]*>")
LIMIT_HEADERS: Final = ("limit", "remaining", "reset")
# What gidgethub lets through of an answer that is not GitHub's: an unknown charset, a number too large, a deep nesting.
UNREADABLE: Final = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError)

Observe = Callable[[str, str], None]  # verb, status
Cached = tuple[str | None, str | None, Any, str | None]
_VERB: contextvars.ContextVar[str] = contextvars.ContextVar("verb", default="")
_LANE: contextvars.ContextVar[str] = contextvars.ContextVar("lane", default="")


class GitHubRefusedError(ForgeRefusedError):
    """A 3xx or 4xx answer that is no rate limit. `answer` is what GitHub itself wrote."""

    def __init__(self, message: str, *, status: int, answer: str) -> None:
        super().__init__(message, retry_after=REFUSED_RETRY_SECONDS)
        self.status, self.answer = status, answer

    @property
    def is_wordless(self) -> bool:
        """Whether GitHub gave no message: gidgethub puts the status' own phrase in its place."""
        return self.answer in ("", HTTPStatus(self.status).phrase)


class Remembered(OrderedDict[str, Cached]):
    """The answers that were asked for last by URL, slimmed, as many as `most` entries of lists allow."""

    def __init__(self, most: int = REMEMBERED, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most, self._held, self._clock = most, 0, clock
        self._asked: dict[str, float] = {}  # when each was asked for last, in the same order

    def __getitem__(self, url: str) -> Cached:
        entry = super().__getitem__(url)
        self._note(url)
        return entry

    def _note(self, url: str) -> None:
        """It is asked for now; drop what nobody asked for."""
        self.move_to_end(url)
        self._asked.pop(url, None)
        self._asked[url] = now = self._clock()
        oldest = now - KEEP_SECONDS - len(self) / ASKED_A_SECOND
        while len(self) > 1 and (self._held > self._most or next(iter(self._asked.values())) < oldest):
            del self[next(iter(self))]

    def __setitem__(self, url: str, entry: Cached) -> None:
        if url in self:
            del self[url]
        kept = slim(entry[2])
        super().__setitem__(url, (*entry[:2], kept, entry[3]))
        self._held += _size(kept)
        self._note(url)

    def __delitem__(self, url: str) -> None:
        self._held -= _size(super().__getitem__(url)[2])
        del self._asked[url]
        super().__delitem__(url)


def _size(answer: Any) -> int:
    """One, and one for each entry of its lists; more where they are long: a run alone has twenty kilobytes."""
    lists = answer.values() if isinstance(answer, dict) else (answer,)
    entries = 1 + sum(len(entries) for entries in lists if isinstance(entries, list))
    return max(entries, math.ceil(len(json.dumps(answer)) / ENTRY_BYTES))


class Client(gidgethub_aiohttp.GitHubAPI):
    """Sends requests to one GitHub. Belongs to one event loop."""

    def __init__(
        self,
        api_url: str,
        *,
        observe: Observe,
        budget: Callable[[Budget], None],
        ca_certificate: str = "",
        proxy: str = "",
        limits: Limits = LIMITS,
    ) -> None:
        tls = ssl.create_default_context(cadata=ca_certificate) if ca_certificate else True
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=20, connect=5),
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=tls),
            proxy=proxy or None,
            cookie_jar=aiohttp.DummyCookieJar(),  # a token says who asks, and what a proxy sets would only pile up
        )
        super().__init__(session, REQUESTER, cache=Remembered(), base_url=api_url)
        self._observe, self._observe_budget = observe, budget
        self._limits = limits
        self._lanes: dict[str, Lane] = {}

    async def close(self) -> None:
        """Give connections back."""
        await self._session.close()

    async def ask(
        self,
        verb: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        jwt: str | None = None,
        query: Mapping[str, str] | None = None,
        lane: str = "",
    ) -> Any:
        """One request, which counts against the limits of `lane`. Returns the decoded answer.

        Raises ForgeError, of these GitHubRefusedError with the status.
        """
        url = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        data = b"" if body is None else body
        answer, _ = await self._send(verb, method, url, data, token=token, jwt=jwt, lane=lane)
        return answer

    async def pages(
        self, verb: str, path: str, key: str, *, token: str, query: Mapping[str, str], lane: str = ""
    ) -> list[Any]:
        """All entries under `key` of a paged list."""
        entries: list[Any] = []
        pages = 0
        more: str | None = f"{path}?{urllib.parse.urlencode({**query, 'per_page': PAGE_SIZE})}"
        while more is not None and pages < MOST_PAGES:
            if more.startswith("http") and not more.startswith(f"{self.base_url}/"):
                raise ForgeUnreachableError(f"{verb}: the next page is said to be at {more}, not at {self.base_url}")
            answer, more = await self._send(verb, "GET", more, b"", token=token, lane=lane)
            entries += answer if isinstance(answer, list) else of(answer, partial(Entry.values, key=key))
            pages += 1
        return entries

    async def _send(
        self,
        verb: str,
        method: str,
        url: str,
        body: Any,
        *,
        token: str | None = None,
        jwt: str | None = None,
        lane: str = "",
    ) -> tuple[Any, str | None]:
        marks = _VERB.set(verb), _LANE.set(lane)
        try:
            answer, more, _ = await self._make_request(
                method, url, None, body, sansio.accept_format(), jwt=jwt, oauth_token=token, extra_headers=dict(HEADERS)
            )
        except gidgethub.HTTPException as error:
            raise self._error(verb, url, error, self._lane(lane)) from error
        except aiohttp.ClientConnectorCertificateError as error:
            cure = "give its CA as gpu-runners:forgeCa"
            raise ForgeRefusedError(f"{verb}: the certificate of {self.base_url} is not trusted; {cure}") from error
        except (TimeoutError, aiohttp.ClientError, ValueError, *UNREADABLE) as error:
            raise ForgeUnreachableError(f"{verb}: {type(error).__name__} from {self.base_url}") from error
        finally:
            _VERB.reset(marks[0])
            _LANE.reset(marks[1])
        self._lane(lane).barrier.answered()
        return slim(answer), more

    def _lane(self, name: str) -> Lane:
        return self._lanes.setdefault(name, Lane(self._limits))

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        lane = self._lane(_LANE.get())
        lane.barrier.check()
        if method == "GET":
            await lane.reads.take()
            return await self._counted(method, url, headers, body)
        async with lane.changing:  # GitHub asks for one change after the other
            await lane.changes.take()
            return await self._counted(method, url, headers, body)

    async def _counted(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        self._lane(_LANE.get()).barrier.check()  # it may have been shut while this request waited
        status = "no answer"
        try:
            request = self._session.request(method, url, headers=headers, data=body, allow_redirects=False)
            async with request as response:
                status = str(response.status)
                self._observe_limits(response.headers)
                body = await read_body(response)
        finally:
            self._observe(_VERB.get(), status)
        if is_page(response.status, response.headers, body):
            raise self._not_github(response.status, response.headers, body)
        return response.status, response.headers, body

    def _not_github(self, status: int, headers: Mapping[str, str], body: bytes) -> ForgeUnreachableError:
        """A page instead of an answer says nothing about what was asked for, not even that it is not there."""
        page = body[:MOST_OF_A_PAGE].decode(errors="replace")
        text = words(_TAG.sub(" ", page), most=120)
        if is_limit(status, headers, page):
            reason = f"{_VERB.get()}: GitHub limits our requests ({status}, {text})"
            return self._lane(_LANE.get()).barrier.shut(reason, headers, time.time())
        what = f"{_VERB.get()}: {self.base_url} answers {status} with a page that is none of GitHub's API ({text})"
        return ForgeUnreachableError(f"{what}; is a proxy before it?", retry_after=REFUSED_RETRY_SECONDS)

    def _observe_limits(self, headers: Mapping[str, str]) -> None:
        limit, remaining, reset = (seconds(headers.get(f"x-ratelimit-{name}"), most=1e12) for name in LIMIT_HEADERS)
        if limit is not None and remaining is not None and reset is not None:
            left = max(0.0, reset - time.time())
            self._observe_budget(Budget(limit=int(limit), remaining=int(remaining), reset_seconds=left))

    def _error(self, verb: str, url: str, error: gidgethub.HTTPException, lane: Lane) -> ForgeError:
        status, headers, answer = int(error.status_code), error.headers, words(str(error))
        if isinstance(error, gidgethub.RateLimitExceeded) or is_limit(status, headers, answer):
            return lane.barrier.shut(f"{verb}: GitHub limits our requests ({status}, {answer})", headers, time.time())
        if status >= 500:
            wait = seconds(headers.get("retry-after"), most=LONGEST_WAIT_SECONDS)
            message = f"{verb}: the forge answers {status} ({answer})"
            return ForgeUnreachableError(message, retry_after=2.0 if wait is None else wait)
        message = f"{verb}: GitHub answers {status} ({answer}) to {url}"
        return GitHubRefusedError(f"{message}{_cure(status, headers)}", status=status, answer=answer)


def _cure(status: int, headers: Mapping[str, str]) -> str:
    if status in (301, 302, 307, 308):
        return f"; it has moved to {headers.get('location', 'elsewhere')}: write its new name into the scope"
    if status == 401:
        return f"; the credential is not accepted: expired, revoked or of another GitHub?{_skew(headers)}"
    if status == 403:
        needed = headers.get("x-accepted-github-permissions")
        named = f"; this call needs {needed}" if needed else ""
        return f"{named}; give the App or the token that permission, and accept it for the installation"
    if status == 404:
        return "; it does not exist, or the credential may not see it: check the scope's spelling, and what it may see"
    return ""


def _skew(headers: Mapping[str, str]) -> str:
    """A refused signature is often a clock that is wrong."""
    try:
        off = time.time() - parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return ""
    return f" The clock here is {off:+.0f} s off GitHub's: set it" if abs(off) > SKEW_SECONDS else ""
