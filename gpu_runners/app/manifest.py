"""A manifest for one owner, the page that sends it to GitHub, and what to do once the App exists. Pure."""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
KINDS: Final = ("repository", "organization", "wiring")
CONFIG_KEYS: Final = {"repository": "githubApp", "organization": "githubApp", "wiring": "githubWiringApp"}
DESTINATION: Final = "/created"
LONGEST_NAME: Final = 34  # docs.github.com, "Registering a GitHub App"
APP_NAME: Final = f"a name of at most {LONGEST_NAME} letters"


def is_app_name(text: str) -> bool:
    """Whether GitHub takes it as an App's name, if nobody has it yet."""
    return bool(text.strip()) and len(text) <= LONGEST_NAME and text.isprintable()


@dataclass(frozen=True)
class Order:
    """Which App, at which GitHub (URL without a slash at the end), for whom (organization "": the user's own)."""

    kind: str
    github: str
    organization: str
    name: str = ""

    @property
    def form_url(self) -> str:
        """Where GitHub takes manifests."""
        owner = f"/organizations/{self.organization}" if self.organization else ""
        return f"{self.github}{owner}/settings/apps/new"


def permissions(kind: str) -> dict[str, str]:
    """What an App of this kind asks for."""
    levels: dict[str, str] = _read(kind)["default_permissions"]
    return levels


def manifest(order: Order, here: str) -> dict[str, Any]:
    """The manifest as GitHub gets it; here: the root of the page that GitHub sends its answer to."""
    values = _read(order.kind)
    home = f"{order.github}/{order.organization}".rstrip("/")
    return {**values, "name": order.name or values["name"], "url": home, "redirect_url": f"{here}{DESTINATION}"}


def page(order: Order, here: str, state: str) -> str:
    """A page with one button. state comes back with GitHub's answer, and with nobody else's."""
    text = html.escape(json.dumps(manifest(order, here)), quote=True)
    action = html.escape(f"{order.form_url}?state={state}", quote=True)
    asked = "".join(
        f"<li>{html.escape(name)}: {html.escape(level)}</li>" for name, level in permissions(order.kind).items()
    )
    return (
        "<!doctype html><meta charset=utf-8><title>GitHub App for gpu-runners</title>"
        f"<p>An App that may do this at {html.escape(order.organization or 'your account')} and nothing else:</p>"
        f"<ul>{asked}</ul><form action='{action}' method=post>"
        f"<input type=hidden name=manifest value='{text}'><button>Create it at GitHub</button></form>"
    )


def next_steps(order: Order, app: Mapping[str, Any], key_file: Path) -> str:
    """What a person does with the App that GitHub made."""
    key = CONFIG_KEYS[order.kind]
    # Pulumi's provider looks up no installation, the registrar does.
    number = "NUMBER  (at the end of the installation's URL)"
    installation = [f"   pulumi config set --path gpu-runners:{key}.installationId {number}"] * (order.kind == "wiring")
    return "\n".join(
        (
            f"GitHub App {app['slug']} is made; its key is in {key_file}, which only you can read.",
            f"1. Install it: {app['html_url']}/installations/new",
            "   and choose the repositories whose jobs the runners take.",
            "2. In the stack that holds the platform:",
            f"   pulumi config set --path gpu-runners:{key}.appId {app['id']}",
            *installation,
            f"   pulumi config set --secret {key}PrivateKey < {key_file}",
            "   then delete the file: GitHub makes you another key whenever you need one.",
        )
    )


def next_steps_of_stack(order: Order, app: Mapping[str, Any], stack: str) -> str:
    """The same where its number and key went into a stack's config."""
    lines = [f"GitHub App {app['slug']} is made; its number and its key, encrypted, are in the config of {stack}."]
    lines.append(f"1. Install it: {app['html_url']}/installations/new")
    lines.append("   and choose the repositories whose jobs the runners take.")
    if order.kind == "wiring":
        key = f"gpu-runners:{CONFIG_KEYS[order.kind]}.installationId"
        lines.append(
            f"2. pulumi config set --stack {stack} --path {key} NUMBER  (at the end of the installation's URL)"
        )
    else:
        lines.append(f"2. gpu-runners doctor {stack}")
    return "\n".join(lines)


def _read(kind: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((FOLDER / f"{kind}.json").read_text())
    return values
