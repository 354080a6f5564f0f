"""Pictures of a comment: a page like GitHub's around its HTML, as wide as a phone or a screen, in light and dark."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab.errors import LabError

CHROMIUM: Final = "chromium"
SECONDS: Final = 60
# The colours of GitHub's own style sheet (github-markdown-css), light and dark.
_COLOURS: Final = {
    "light": ("#1f2328", "#ffffff", "#d1d9e0", "#818b981f", "#f6f8fa", "#0969da"),
    "dark": ("#f0f6fc", "#0d1117", "#3d444d", "#656c7633", "#151b23", "#4493f8"),
}
_STYLE: Final = """
:root {{ color-scheme: {scheme}; }}
body {{ font: 14px/1.5 'DejaVu Sans', sans-serif; margin: 0; padding: 12px; color: {text}; background: {back}; }}
h3 {{ font-size: 16px; margin: 0 0 12px; }} ul {{ padding-left: 1.6em; }} a {{ color: {link}; }}
code {{ font: 85% 'DejaVu Sans Mono', monospace; background: {code}; padding: .2em .4em; border-radius: 6px;
        overflow-wrap: anywhere; white-space: break-spaces; }}
pre {{ background: {row}; padding: 12px; border-radius: 6px; overflow: auto; }}
pre code {{ background: none; padding: 0; }}
table {{ border-spacing: 0; border-collapse: collapse; display: block; width: max-content; max-width: 100%;
         overflow: auto; margin: 0 0 12px; font-size: {table}px; }}
td, th {{ border: 1px solid {line}; padding: 6px {cell}px; text-align: left; }}
tr:nth-child(2n) td {{ background: {row}; }}
summary {{ margin: 4px 0; }} details details {{ margin-left: 0; }} p {{ margin: 0 0 12px; }}
"""


def page(html: str, scheme: str = "light", *, is_open: bool = False) -> str:
    """HTML of its own: nothing is loaded from anywhere. `is_open`: as somebody sees it who unfolded everything."""
    text, back, line, code, row, link = _COLOURS[scheme]
    style = _STYLE.format(
        scheme=scheme, text=text, back=back, line=line, code=code, row=row, link=link, table=14, cell=13
    )
    body = html.replace("<details>", "<details open>") if is_open else html
    viewport = '<meta name=viewport content="width=device-width, initial-scale=1">'
    return f"<!doctype html><meta charset=utf-8>{viewport}<style>{style}</style><body>{body}"


def draw(pages: Sequence[str], picture: Path, *, width: int, height: int) -> None:
    """Pages beside each other, as a headless Chromium shows them. Raises LabError where there is none, or it fails.

    Together they must be 500 wide at least, the narrowest window that it opens; each is in a frame of its own width.
    """
    with tempfile.TemporaryDirectory(prefix="picture-") as folder:
        frames = ""
        for number, page in enumerate(pages):
            (Path(folder) / f"{number}.html").write_text(page)
            frames += f"<iframe src={number}.html style='border:0;float:left' width={width} height={height}></iframe>"
        whole = Path(folder) / "whole.html"
        whole.write_text(f"<!doctype html><body style='margin:0'>{frames}")
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--allow-file-access-from-files", f"--user-data-dir={folder}/profile",
            f"--window-size={width * len(pages)},{height}", f"--screenshot={picture}", whole.as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            raise LabError(f"no picture: {CHROMIUM} {type(error).__name__}; `apt-get install chromium`") from error
