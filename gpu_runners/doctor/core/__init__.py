"""Verdicts on plain data: findings, nodes, names, quota, rights, images, budgets. Asks nobody, never guesses `ok`."""
