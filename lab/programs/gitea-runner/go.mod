module gpu-runners/lab/gitea-runner

go 1.26.0

require gitea.com/gitea/runner v1.0.8
