"""Verdicts on plain data: findings, nodes, quota, rights, images and budgets. Asks nobody, and never guesses `ok`."""
