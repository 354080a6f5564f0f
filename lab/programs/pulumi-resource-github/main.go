// The GitHub provider as Pulumi's bridge serves upstream's Terraform provider; Pulumi's own main is no published Go module.
package main

import (
	"github.com/integrations/terraform-provider-github/v6/github"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// The version of the Python package that the program uses; the engine asks for a plugin of just this one.
const version = "6.15.0"

func main() {
	provider := tfbridge.ProviderInfo{
		P:                shim.NewProvider(github.NewProvider(version, "lab")()),
		Name:             "github",
		Version:          version,
		GitHubOrg:        "integrations",
		UpstreamRepoPath: ".",
		Config: map[string]*tfbridge.SchemaInfo{
			"base_url": {Default: &tfbridge.DefaultInfo{EnvVars: []string{"GITHUB_BASE_URL"}, Value: "https://api.github.com/"}},
		},
		Resources: map[string]*tfbridge.ResourceInfo{
			"github_actions_environment_secret": {DeleteBeforeReplace: true},
			// A list of one in the published SDK; the bridge would make it a plain object.
			"github_repository_environment": {
				Fields: map[string]*tfbridge.SchemaInfo{"reviewers": {MaxItemsOne: tfbridge.False()}},
			},
		},
	}
	provider.MustComputeTokens(tokens.SingleModule("github_", "index", tokens.MakeStandard("github")))
	// The schema is for documentation and other languages' SDKs; the engine needs none of it.
	tfbridge.Main("github", version, provider, []byte("{}"))
}
