"""The page about kinds of drift lists what the lab's tests make, find and repair: each, and nothing else."""

from typing import Final

from tests.lab import drift_table, stranger_table
from tests.lab.drift_table import Row
from tests.program.stack_values import ROOT

PAGE: Final = ROOT / "docs/drift.md"
HOW: Final = {
    "patch": "`kubectl patch`", "edit": "`kubectl edit`", "replace": "`kubectl replace`", "delete": "`kubectl delete`",
    "apply": "server-side apply as Pulumi", "apply:helm": "Helm", f"apply:{drift_table.PREFIXED}": "another's Pulumi",
    f"update:{drift_table.CONTROLLER}": "a controller", "clear": "a controller that clears who wrote what",
    "make_anew": "deleted and made anew", "by hand": "the API",
}  # fmt: skip
POD: Final = "first-…"
ROOT_CERTIFICATES: Final = {"name": "kube-root-ca.crt", "uid": "0"}


def rows() -> list[Row]:
    strangers = stranger_table.rows_on(POD, ROOT_CERTIFICATES)
    return [*drift_table.platform_rows("forge-credential-…"), *drift_table.pool_rows("drifted"), *strangers]


def line(row: Row) -> str:
    kind, _, name = row.what.partition(" ")
    if isinstance(row, stranger_table.Stranger):
        seen = _seen_of_stranger(row, kind)
        how = "made" if not row.field else HOW[row.how]
    else:
        seen, how = "each object against the state", HOW[row.how]
    name = name.replace(drift_table.SPACE, "…").replace(stranger_table.NAME, "stranger")
    cells = (kind, f"`{name}`", how, f"`{row.field}`" if row.field else "", seen, row.left or _repair(row))
    return f"| {' | '.join(cells)} |"


def _seen_of_stranger(row: Row, kind: str) -> str:
    if kind == "Pod" and row.field:
        return "each pod against its template"
    if row.field:
        return "the account `default` against what its controller makes"
    return "objects of the cluster that reach in" if row.left == stranger_table.CLUSTERS else "no stack declares it"


def _repair(row: Row) -> str:
    if row.how == "delete":
        return "made again"
    return "the record comes back" if row.field == "metadata.managedFields" else "put back, or taken out"


def test_the_page_lists_every_kind_of_drift_that_the_lab_makes_and_no_other() -> None:
    wanted = list(map(line, rows()))
    found = [text for text in PAGE.read_text().splitlines() if text.startswith("| ")]
    assert found[1:] == wanted  # below the heading
    assert len(wanted) >= 60
