module gpu-runners/lab/github-act-runner

go 1.26

require github.com/ChristopherHX/github-act-runner v0.13.0

replace (
	github.com/go-git/go-billy/v5 => github.com/go-git/go-billy/v5 v5.4.0
	github.com/rhysd/actionlint => github.com/actions-oss/act-cli-actionlint v0.0.0-20250517100532-8f847f29ba36
)
