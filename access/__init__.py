"""How commands reach a cluster and a forge, and what is asked of them before anything is declared.

  cluster/          which cluster a stack is on, and the one connection to it
  github/           the one client of GitHub, and whether a stack's work can be done there
  gitea/            the one client of Gitea
  online/           whether every runner of a stack is online, and the one wait until they are
  causes/           why a pool or a job does not go on: the first cause, from the stack to the forge
  clock             the clock of every wait
  forge             whether the forge will let a stack work there
  forge_connection  HTTP to a forge: deadline, trust, proxy
  forge_errors      what a forge's answer means: refused, or no usable answer
  yaml_document     YAML that somebody wrote: a document, or one error

Asks synchronously, from commands; the registrar has asynchronous clients of its own. Imports `values` alone.
"""
