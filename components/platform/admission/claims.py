"""A tree of shapes as CEL: for each closed set of fields one expression, a text that is empty where all is well."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from components.platform.admission.shape import Each, Entries, Fields, Node, Rule, Value, text, texts

FOREIGN: Final = "a field that no runner has, allowed nothing"


@dataclass(frozen=True)
class Claim:
    """What holds of one object: `variable` names a CEL text that lists its breaches, "" if there are none."""

    path: str
    variable: str
    breaches: str


@dataclass(frozen=True)
class _Place:
    """Where an object is: CEL for it and for its name, its path in words, and what brings an expression there."""

    access: str
    name: str
    path: str
    within: Callable[[str], str]

    def entry(self, key: str, *, is_map: bool) -> "_Place":
        access = f"{self.access}[{text(key)}]" if is_map else f"{self.access}.{key}"
        return _Place(access, _plus(self.name, text(f".{key}")), f"{self.path}.{key}", self.within)


def claims(root: Fields, access: str, path: str) -> list[Claim]:
    """The claims of a tree whose root is found at a CEL expression and is called `path` in messages."""
    return _claims(root, _Place(access, text(path), path, lambda expression: expression))


def _claims(node: Fields | Entries, place: _Place) -> list[Claim]:
    is_map = isinstance(node, Entries)
    children = node.entries if isinstance(node, Entries) else node.fields
    lines: list[str] = []
    below: list[Claim] = []
    for key, child in children.items():
        here = place.entry(key, is_map=is_map)
        present = f"{text(key)} in {place.access}" if is_map else f"has({here.access})"
        lines.append(_line(key, child, here.access, present))
        if isinstance(child, Fields | Entries):
            below += _claims(child, _inside(here, present))
        elif isinstance(child, Each):
            below += _claims(child.item, _items(child, here, present))
    lines += [_rule(rule, place) for rule in node.rules]
    known = "[\n  " + ",\n  ".join(line for line in lines if line) + "\n]"
    listed = f"({_foreign(list(children), place)} + {known}).filter(t, t != '').map(t, {place.name} + t)"
    # The API server tells the first claim that fails: what lies deeper says more.
    return [*below, Claim(place.path, _variable(place.path), place.within(f"{listed}.join('; ')"))]


def _foreign(known: list[str], place: _Place) -> str:
    # dyn: the API server's types let nobody list the fields of an object, its values do. So a field of a version of
    # Kubernetes that nobody has seen yet is refused too.
    strange = f"dyn({place.access}).filter(f, !(f in {texts(known)}))"
    return f"{strange}.map(f, '.' + string(f) + {text(': found ' + FOREIGN)})"


def _line(key: str, node: Node, access: str, present: str) -> str:
    """What is wrong with a field as a whole; "" where nothing can be."""
    holds, shown, allowed = "true", "", "what a runner has there"
    if isinstance(node, Value):
        holds, shown, allowed = node.holds.format(v=access), node.shown.format(v=access), node.allowed
    elif isinstance(node, Each):
        holds, shown, allowed = f"size({access}) <= {node.most}", f"string(size({access}))", f"at most {node.most}"
    present = present if present.startswith("has(") else f"({present})"
    if not node.required:
        return "" if holds == "true" else f"!{present} || ({holds}) ? '' : {_found(f'.{key}', shown, allowed)}"
    if holds == "true":
        return f"{present} ? '' : {_found(f'.{key}', text('nothing'), allowed)}"
    found = f"({present} ? {shown} : {text('nothing')})"
    return f"{present} && ({holds}) ? '' : {_found(f'.{key}', found, allowed)}"


def _rule(rule: Rule, place: _Place) -> str:
    shown, holds = rule.shown.format(it=place.access), rule.holds.format(it=place.access)
    return f"({holds}) ? '' : {_found(rule.name, shown, rule.allowed)}"


def _found(name: str, shown: str, allowed: str) -> str:
    return _plus(_plus(text(f"{name}: found "), shown), text(f", allowed {allowed}"))


def _plus(left: str, right: str) -> str:
    """Two CEL texts as one; literals beside each other are joined here already."""
    if left.endswith("'") and right.startswith("'"):
        return left[:-1] + right[1:]
    return f"{left} + {right}"


def _inside(here: _Place, present: str) -> _Place:
    """An object that may be absent, under a name of one letter."""
    item = _item(here.path)

    def within(inner: str) -> str:
        return here.within(f"({present} ? [{here.access}].map({item}, {inner}).join('; ') : '')")

    return _Place(item, here.name, here.path, within)


def _items(node: Each, here: _Place, present: str) -> _Place:
    """The items of a list that may be absent."""
    item = _item(here.path)
    key = f"{item}.{node.named_by}"
    name = f"{_plus(here.name, text('['))} + {key} + ']'" if node.named_by else _plus(here.name, text("[]"))

    def within(inner: str) -> str:
        listed = f"{here.access}.map({item}, {inner}).filter(t, t != '').join('; ')"
        return here.within(f"({present} ? {listed} : '')")

    return _Place(item, name, f"{here.path}[]", within)


def _item(path: str) -> str:
    """A letter for what lies at a path; the outer ones have others."""
    return "opqrsuvwxyz"[path.count(".")]


def _variable(path: str) -> str:
    """A name of a variable: `spec.volumes[].emptyDir` is specVolumesEmptyDir."""
    first, *rest = [part for part in re.split(r"[^A-Za-z0-9]+", path) if part]
    return first + "".join(part[0].upper() + part[1:] for part in rest)
