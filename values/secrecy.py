"""What is hidden of a text before people see it: whatever looks like a credential, by its name or by its shape."""

import re
from typing import Final

HIDDEN: Final = "(not shown)"
# By shape: what well-known issuers give out.
_CREDENTIAL: Final = re.compile(
    r"\b(?:gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|xox[abeprs]-|sk-|hf_|npm_|pypi-|AIza|ya29\.)[\w-]+"
    r"|\beyJ[\w-]{10,}\.[\w.-]*"
    r"|(?<=hooks\.slack\.com/services/)[\w/]+|(?<=discord\.com/api/webhooks/)[\w/-]+|(?<=/bot)\d{6,}:[\w-]+"
    r"|(?i:\b(?:bearer|basic|token|apikey) +[\w+/=.~-]{6,})"
)
# Atomic and possessive: what somebody else wrote must not cost more than its length.
# By name: NAME=value, "name": "value", --name value; a value may be quoted. And in an address: all that stands before
# the host, and every value of the query, where signatures and tokens travel.
_NAMED: Final = re.compile(
    r"""(?ixs) (?<![\w./-]) (?P<name>
        (?: --? | \\{0,3} ["'] | < )?
        (?> [\w.-]* (?:
            secret|token|passw|passphrase|passcode|pwd|credential|signature
            |(?:(?<![a-z])|db|user|root|admin)pass(?=\\*["']?\s*[=:])
            |(?<![a-z])(?:sig|pw|creds?|jwt|otp|session_?id)(?=\\*["']?\s*[=:])
            |(?<![a-z])auth(?=\\*["']\s*:|\s*=)
            |(?:api|access|private|account|shared|storage|signing|encryption|ssh|deploy|master)_?-?key
        ) )
        (?! [\w.-]*? (?:name|ref|path|file|seconds|audience|uid) \b )
        [\w.-]*+ (?: \\* ["'] )? (?: \s*+(?:[=:]{1,2}>?|->)\s* | %3[AD] | (?<=\w)(?:[ ](?=["'])|>) )
        | -- (?> [\w-]* (?:secret|token|passw|pass(?=[ =])|(?:api|access|private|secret)-?key|auth(?=[ =])) )
          [\w-]*+ [= ]
        | \blogin\s+\S{1,200}\s+password\s+
    ) (?P<value>
        (?P<quote> \\*+ ["'] ) (?: (?! (?P=quote) ) (?: \\. | [^\\] | \\\Z ) )*+ (?: (?P=quote) | \Z )
        | [|>][-+0-9]{0,2} [ \t]*+ \n (?: [ \t]++ [^\n]*+ \n? )++
        | [^\s,;&"'<{}\[\]\\]++ (?: \\++ [^\s,;&"'<{}\[\]\\]++ )*+
    )"""
)
# What stands where a secret might and is none: an HTTP status, a truth, a permission at GitHub, nothing.
_NO_VALUE: Final = re.compile(
    r"""["']?(?:true|false|read|write|admin|null|none|-|\d{1,3}|\[secret\]|\(not|…)?["']?""", re.IGNORECASE
)
_AUTHORIZATION: Final = re.compile(r"""(?i)(?P<name>(?:authorization|\bcookie)["']?\s*[=:]\s*)["']?[^\r\n"']+""")
# A login without an address before it: `user:password@host`, and curl's `-u user:password`. An image has a colon and an
# @ as well, before its digest.
_LOGIN: Final = re.compile(
    r"""(?x) (?P<name> (?<![\w./-]) [\w.+-]{1,100}: ) [^\s@/"']{1,200} (?=@(?!sha256:)[\w.-])
    | (?P<option> (?<!\S) (?:-u|--user) [ =] [^\s:"']{1,100}: ) [^\s"']+"""
)
# Where the address of a URL begins, with or without its scheme; and what no URL goes on beyond.
_ADDRESS: Final = re.compile(r"(?<=[A-Za-z0-9+.-])://|(?<![\w/:.-])//")
_RUN: Final = re.compile(r"[^\s\"']+")
_QUERY: Final = re.compile(r"(?P<name>[?&][^=&\s#]{1,80}=)(?!\(not shown\)(?:[&\s#\"']|$))[^&\s#\"']+")
_LONG: Final = re.compile(r"(?:sha256:)?[\w+/-]{32,}")
# What a stack's config holds with an @: an image by its digest, a workflow by its ref, a user's name as in a comment.
_PLAIN_AT: Final = re.compile(
    r'(?<=\w)@(?=sha256:)|(?<=\.yml)@(?=\w)|(?<=\.yaml)@(?=\w)|\A@|(?<=\A")@|(?<=\(not shown\))@'
)
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN (?!CERTIFICATE-)[^-]*-----.*?(-----END[^-]*-----|\Z)", re.DOTALL)


def without_secrets(text: str) -> str:
    """A message in somebody else's words, with everything hidden that looks like a credential, by name or by shape."""
    text = _PRIVATE_KEY.sub(HIDDEN, text)
    text = _AUTHORIZATION.sub(lambda match: f"{match['name']}{HIDDEN}", text)
    text = without_secrets_in_urls(text)
    text = _LOGIN.sub(lambda match: f"{match['name'] or match['option']}{HIDDEN}", text)
    text = _NAMED.sub(
        lambda match: match[0] if _NO_VALUE.fullmatch(match["value"]) else f"{match['name']}{HIDDEN}", text
    )
    text = _CREDENTIAL.sub(HIDDEN, text)
    return _LONG.sub(lambda match: HIDDEN if _is_key(match[0]) else match[0], text)


def without_secrets_in_urls(text: str) -> str:
    """Without login and query values of any URL; words of advice stay, e.g. which secret is to be set."""
    text = _RUN.sub(lambda run: _without_userinfo(run[0]), text)
    return _QUERY.sub(lambda match: f"{match['name']}{HIDDEN}", text)


def _without_userinfo(run: str) -> str:
    """All that stands between the beginning of an address and the last @ behind it is a login, a `/` as well."""
    end = run.rfind("@")
    address = _ADDRESS.search(run, 0, end) if end > 0 else None
    return f"{run[: address.end()]}{HIDDEN}{run[end:]}" if address else run


def without_login(text: str) -> str:
    """Without all that stands before an @, where people write names and passwords; no host may follow, and no scheme
    go before it.
    """
    end = max((at.start() for at in re.finditer("@", text) if not _PLAIN_AT.match(text, at.start())), default=-1)
    return text if end < 0 else f"{HIDDEN}{text[end:]}"


def _is_key(text: str) -> bool:
    """Long and mixed, as keys in base64 or hexadecimal are; neither a path nor the digest of an image."""
    if text.startswith("sha256:"):
        return False
    if any(map(str.isdigit, text)) and any(map(str.islower, text)) and any(map(str.isupper, text)):
        return True
    return any(len(part) >= 32 and not part.isalpha() and not part.isdigit() for part in re.split(r"[/+_-]", text))
