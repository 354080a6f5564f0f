"""Gitea, as commands ask it.

  client                 GiteaClient: the one connection, and what a refusal means

The registrar has an asynchronous one of its own.
"""
