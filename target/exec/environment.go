package exec

import (
	"maps"
	"slices"
	"strings"
)

// inherited are the variables that a program gets of Firn's environment without
// being asked for: what programs need to run, and nothing that could be a secret.
var inherited = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"}

// environment is the program's, made of Firn's own.
func environment(s Settings, name string, own []string) []string {
	var env []string
	for _, variable := range own {
		key, _, _ := strings.Cut(variable, "=")
		_, replaced := s.Env[key]
		if !replaced && (slices.Contains(inherited, key) || slices.Contains(s.InheritEnv, key)) {
			env = append(env, variable)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		env = append(env, key+"="+string(s.Env[key]))
	}
	return append(env, "FIRN_TARGET="+name)
}
