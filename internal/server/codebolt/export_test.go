package codebolt

import "github.com/firnlog/firn/internal/auth"

// PermissionsOfOperations is what each operation asks for.
func PermissionsOfOperations() map[string]auth.Permission {
	all := map[string]auth.Permission{}
	for name, op := range operations {
		all[name] = op.permission
	}
	return all
}
