// Package kubernetes holds, with its two neighbours, what the provider uses of its own generated SDK for Go. That one declares
// every field of every kind of every version and takes longer to compile than the provider and all else together.
package kubernetes

import "reflect"

// UntypedArgs is an object as a manifest has it.
type UntypedArgs map[string]any

// ElementType makes it an input of Pulumi's.
func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeFor[map[string]any]() }
