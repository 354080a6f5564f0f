// Package fieldpath is the one of Kubernetes 1.34 and later under its older name: the provider still asks for that, and hands
// the sets to packages that ask for this.
package fieldpath

import "sigs.k8s.io/structured-merge-diff/v6/fieldpath"

type (
	// Set is a set of fields.
	Set = fieldpath.Set
	// Path leads to a field.
	Path = fieldpath.Path
)

// MakePath makes a path of its parts.
func MakePath(parts ...any) (Path, error) { return fieldpath.MakePath(parts...) }
