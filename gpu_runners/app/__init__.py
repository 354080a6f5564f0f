"""The GitHub Apps that the product is used with, and the command that makes one.

  repository.json     a registrar's, for runners of repositories
  organization.json   a registrar's, for runners of an organization
  wiring.json         an administrator's, for what `pulumi up` declares at GitHub; its key never enters a cluster
  manifest            a manifest for one owner, the page that sends it to GitHub, and what to do with the App; pure
  handshake           the page on this machine, GitHub's redirect back to it, the App's key
  stored_app      the App's number and key in a stack's config
  command         the flags, and the file that the key goes into

Never imported by the program.
"""
