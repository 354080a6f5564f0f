"""A page around a comment as the forge rendered it, for a picture as wide as a phone."""

from typing import Final

_STYLE: Final = """
body { font: 15px/1.45 'DejaVu Sans', sans-serif; margin: 14px; color: #1f2328; width: 610px; }
h3 { font-size: 18px; margin: 4px 0 10px; } ul { padding-left: 20px; }
code { font: 12px 'DejaVu Sans Mono', monospace; background: #eff1f3; padding: 1px 4px; border-radius: 4px;
       overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 6px 0 10px; }
td, th { border: 1px solid #d1d9e0; padding: 5px 7px; vertical-align: top; text-align: left; font-size: 13px; }
summary { margin: 8px 0; }
"""


def page(html: str) -> str:
    """HTML of its own: nothing is loaded from anywhere."""
    return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style><body>{html}"
