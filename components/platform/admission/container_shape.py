"""The two containers of a runner's pod: the one that registers, and the one in which jobs run. Pure."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from components.platform.admission.grants import AdmissionGrants
from components.platform.admission.shape import (
    Each,
    Entries,
    Fields,
    Rule,
    Value,
    anything,
    exactly,
    matching,
    one_of,
    quantity,
    text,
    texts,
    words,
)
from components.runner_volumes import (
    REGISTRATION_MESSAGE,
    RUNNER_MESSAGE,
    WORK_DIRECTORY,
    cache_mounts,
    kubeconfig_file,
    registration_mounts,
    runner_mounts,
)
from values.accounts import DEPLOYER, PREVIEWER
from values.contract import REGISTRATION_CONTAINER, RUNNER_CONTAINER
from values.image import image_pattern
from values.pod_variables import (
    KUBECONFIG_VARIABLE,
    LONGEST_VALUE,
    PROXY_VARIABLES,
    REGISTRATION_VARIABLES,
    RUNNER_VARIABLES,
    VISIBLE_DEVICES,
    VisibleDevices,
)
from values.pool import IMAGE_PULL_POLICIES, REGISTRATION_MEMORY
from values.proxy import URL as PROXY_URL

if TYPE_CHECKING:
    from components.runner_volumes import Mount

MOST_SCRIPT: Final = 16384  # letters
_SCRIPT: Final = Value(
    f"size({{v}}) == 3 && {{v}}[0] == '/bin/sh' && {{v}}[1] == '-c' && size({{v}}[2]) <= {MOST_SCRIPT}",
    f"/bin/sh -c and a script of at most {MOST_SCRIPT} letters",
    required=True,
    shown="{v}.join(' ')",
)


def registration_container(grants: AdmissionGrants) -> Fields:
    """The init container. It gets no GPU, so nothing may make any visible to it."""
    proxy_variables = PROXY_VARIABLES if grants["extras"]["proxy"] else ()
    requests = {"cpu": quantity(), "memory": quantity(), "ephemeral-storage": quantity(grants["ephemeral_storage"])}
    # It requests less than it may take, which nothing but its limit bounds.
    limits = {"memory": quantity(REGISTRATION_MEMORY), "ephemeral-storage": quantity(grants["ephemeral_storage"])}
    return Fields(
        {
            "name": exactly(REGISTRATION_CONTAINER, required=True),
            "workingDir": exactly("/"),
            "resources": _resources(requests, limits),
            "env": _variables((*REGISTRATION_VARIABLES, *proxy_variables)),
            "volumeMounts": _mounts(registration_mounts()),
            "terminationMessagePath": exactly(REGISTRATION_MESSAGE),
            **shared(grants),
        },
        rules=(*visible_devices(()), *_proxies(proxy_variables)),
    )


def runner_container(grants: AdmissionGrants, *, job_credentials: bool) -> Fields:
    """The main container; job_credentials says whether jobs may ask for the rights of an account."""
    proxy_variables = PROXY_VARIABLES if grants["extras"]["proxy"] else ()
    caches = cache_mounts(grants["extras"]["caches"])
    mounts = [*runner_mounts(job_credentials=job_credentials, of_github=True), *caches]
    job_variables = (KUBECONFIG_VARIABLE,) if job_credentials else ()
    devices = {
        resource: _devices(count)
        for resource, count in sorted((name, int(number)) for name, number in grants["gpus"].items())
        if count > 0
    }
    requests = {"cpu": quantity(), "memory": quantity(), "ephemeral-storage": quantity(grants["ephemeral_storage"])}
    limits = {"memory": quantity(), "ephemeral-storage": quantity(grants["ephemeral_storage"])}
    resources = _resources({**requests, **devices}, {**limits, **devices}, rules=(_whole_memory(),))
    pre_stop = Fields({"exec": Fields({"command": _SCRIPT}, required=True)})
    return Fields(
        {
            "name": exactly(RUNNER_CONTAINER, required=True),
            "workingDir": exactly(WORK_DIRECTORY),
            "resources": resources,
            "env": _variables((*RUNNER_VARIABLES, *job_variables, *grants["extras"]["variables"], *proxy_variables)),
            "volumeMounts": _mounts(mounts),
            "restartPolicy": exactly("Never", required=True),
            "lifecycle": Fields({"preStop": pre_stop}, required=True),
            "terminationMessagePath": exactly(RUNNER_MESSAGE),
            **shared(grants),
        },
        rules=(*visible_devices(devices), *([_kubeconfig()] if job_credentials else []), *_proxies(proxy_variables)),
    )


def shared(grants: AdmissionGrants) -> "dict[str, Value | Fields]":
    """What every container has alike."""
    pattern = image_pattern(grants["images"], tags_allowed=grants["image_tags_allowed"])
    images = f"{', '.join(grants['images']) or 'any'}{'' if grants['image_tags_allowed'] else ', each by digest'}"
    return {
        "image": matching(pattern, images, required=True),
        "imagePullPolicy": one_of(*IMAGE_PULL_POLICIES, required=True),
        "command": _SCRIPT,
        "terminationMessagePolicy": one_of("FallbackToLogsOnError", "File"),
        "securityContext": Fields(
            {
                "allowPrivilegeEscalation": exactly(value=False, required=True),
                "privileged": exactly(value=False),
                "readOnlyRootFilesystem": anything(),
                "capabilities": Fields({"drop": words("ALL", required=True)}, required=True),
            },
            required=True,
        ),
    }


def _devices(most: int) -> Value:
    """At least one: of none the device plugin says nothing, and a runtime then believes the image."""
    one, bound = (f"quantity({{v}}).compareTo(quantity('{count}'))" for count in (1, most))
    return Value(f"{one} >= 0 && {bound} <= 0", f"1 to {most}")


def _resources(requests: dict[str, Value], limits: dict[str, Value], rules: tuple[Rule, ...] = ()) -> Fields:
    fields = {"limits": Entries(limits, required=True), "requests": Entries(requests, required=True)}
    return Fields(fields, rules, required=True)


def _whole_memory() -> Rule:
    memory = "{it}.?%s[?'memory'].orValue('0')"
    requested, limit = memory % "requests", memory % "limits"
    holds = f"quantity({requested}).compareTo(quantity({limit})) == 0"
    return Rule(".requests.memory", holds, requested, "its limit")


def _variables(names: tuple[str, ...]) -> Each:
    value = Value(f"size({{v}}) <= {LONGEST_VALUE}", f"at most {LONGEST_VALUE} letters", shown="{v}")
    return Each(Fields({"name": one_of(*names), "value": value}), most=len(names), required=True)


def visible_devices(granted: Collection[str]) -> list[Rule]:
    """Runtimes believe these variables, and images set them to `all`: only a device plugin may name devices."""
    domains = {resource.partition("/")[0] for resource in granted}
    return [_visible(devices, may_be_asked=devices.domain in domains) for devices in VISIBLE_DEVICES]


def _visible(devices: VisibleDevices, *, may_be_asked: bool) -> Rule:
    """may_be_asked: whether the container may ask for devices of that vendor at all."""
    visible = f"{{it}}.?env.orValue([]).filter(e, e.name == '{devices.name}').map(e, e.?value.orValue(''))"
    holds, allowed = f"{visible} == ['{devices.none}']", devices.none
    if may_be_asked:
        asked = f"{{it}}.?resources.limits.orValue({{{{}}}}).exists(r, r.startsWith('{devices.domain}/'))"
        holds = f"{asked} ? {visible} == [] : {holds}"
        allowed += f", and nothing where {devices.domain}/ devices are requested: the device plugin sets it"
    shown = f"(size({visible}) == 0 ? 'nothing' : {visible}.join(', '))"
    return Rule(f".env[{devices.name}]", holds, shown, allowed)


def _proxies(variables: tuple[str, ...]) -> tuple[Rule, ...]:
    """A proxy is named without a login. Which one, is left to the pools: while it moves, some have the old one."""
    names = [name for name in variables if name.lower() != "no_proxy"]
    if not names:
        return ()
    values = f"{{it}}.?env.orValue([]).filter(e, e.name in {texts(names)}).map(e, e.?value.orValue(''))"
    pattern = text(f"^{PROXY_URL}/?$").replace("{", "{{").replace("}", "}}")
    holds = f"{values}.all(v, v.matches({pattern}))"
    return (Rule(".env[HTTP_PROXY]", holds, f"{values}.join(', ')", "a proxy's URL with its port, without a login"),)


def _kubeconfig() -> Rule:
    """It names one of the program's own files: a client runs what a kubeconfig names."""
    files = [kubeconfig_file(account) for account in (DEPLOYER, PREVIEWER)]
    named = f"{{it}}.?env.orValue([]).filter(e, e.name == '{KUBECONFIG_VARIABLE}').map(e, e.?value.orValue(''))"
    holds = f"{named}.all(file, file in {texts(files)})"
    return Rule(f".env[{KUBECONFIG_VARIABLE}]", holds, f"{named}.join(', ')", " or ".join(files))


def _mounts(mounts: "list[Mount]") -> Each:
    places = [_place(mount) for mount in mounts]
    place = "{it}.name + ' at ' + {it}.mountPath + (has({it}.subPath) ? ' of ' + {it}.subPath : '')"
    rule = Rule("", f"({place}) in {texts(places)}", place, ", ".join(places))
    fields = {name: anything() for name in ("name", "mountPath", "subPath", "readOnly")}
    return Each(Fields(fields, rules=(rule,)), most=len(places), required=True)


def _place(mount: "Mount") -> str:
    folder = f" of {mount['sub_path']}" if "sub_path" in mount else ""
    return f"{mount['name']} at {mount['mount_path']}{folder}"
