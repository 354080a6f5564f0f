// The Kubernetes provider as upstream serves it; upstream's own main is not built here because it embeds generated files.
package main

import (
	_ "embed"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema string

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	// The schema in the module carries no version; the engine asks for the one that it was told to load.
	versioned := strings.Replace(schema, `"name": "kubernetes",`, `"name": "kubernetes", "version": "`+version.Version+`",`, 1)
	provider.Serve("kubernetes", version.Version, []byte(versioned), terraformMapping)
}
