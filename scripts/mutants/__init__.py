"""`make mutants`: changes the code a little, many times, and says which changes no unit test complains about.

mutmut makes the mutants, chooses the tests that run through each, and runs them. Here: what of the program is tried,
a sample that fits the time box, and docs/mutants.md. Decision 0030.
"""
