module gpu-runners.dev/lab/pause

go 1.21
