"""What every test may ask for: GitHub's stand-in, on a real port."""

pytest_plugins = ["tests.github.stand_in"]
