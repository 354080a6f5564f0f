module gpu-runners/lab/helm

go 1.26.7

require helm.sh/helm/v4 v4.2.4
