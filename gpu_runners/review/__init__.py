"""What a pull request shows: pending changes from the program, drift from cluster and forge, in one comment.

`core` is pure: documents in, Markdown out. The modules beside it are the thin edges that fetch and send.
"""
