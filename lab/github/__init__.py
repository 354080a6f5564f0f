"""A stand-in for GitHub: REST under /api/v3, Actions as far as runners and runs go, and the runner's protocol.

It is not GitHub: its rules follow GitHub's documentation and what a third-party runner was seen to need. What it
answers under /api/v3 is checked by tests against GitHub's own OpenAPI description.

`world` is the state and its rules, `documents` what it looks like in JSON, `rest_*` the API, `protocol` what runners
speak, `faults` and `limits` the ways in which it can be made to fail, `control` the tests' own door under /_lab.
"""
