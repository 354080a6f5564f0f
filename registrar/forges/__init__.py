"""The forges behind one seam.

  forge               Forge: the seam, its values and its errors
  answers             an answer's body, read up to a limit
  opening             opens the forge that the settings name: the one place that knows all of them
  gitea               Gitea
  gitea_archive       Archive: which of the completed jobs a runner had, found in as many tries as it takes
  gitea_statuses      LossStatuses: why a job was lost, as the description of its status
  github/             GitHub

What a forge calls its things stays inside its own file or folder.
"""
