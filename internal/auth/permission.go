package auth

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Permission is one thing that a key allows.
type Permission string

// The permissions. Those of events and of instances hold within the instances
// of the key; the others are of the whole log.
const (
	EventsRead      Permission = "events:read"
	EventsAppend    Permission = "events:append"
	EventsPurge     Permission = "events:purge"
	InstancesManage Permission = "instances:manage"
	KeysManage      Permission = "keys:manage"
	CatalogManage   Permission = "catalog:manage"
	TargetsManage   Permission = "targets:manage"
	ViewsManage     Permission = "views:manage"
	MetricsRead     Permission = "metrics:read"
)

// permissions are all of them; a Set has a bit for each, in this order.
var permissions = []Permission{
	EventsRead, EventsAppend, EventsPurge, InstancesManage, KeysManage,
	CatalogManage, TargetsManage, ViewsManage, MetricsRead,
}

// Permissions lists all permissions.
func Permissions() []Permission { return slices.Clone(permissions) }

// Set is a set of permissions.
type Set uint16

// All is every permission.
func All() Set { return 1<<len(permissions) - 1 }

// SetOf is the set of some permissions; those that do not exist are in none.
func SetOf(some ...Permission) Set {
	var s Set
	for _, p := range some {
		if i := slices.Index(permissions, p); i >= 0 {
			s |= 1 << i
		}
	}
	return s
}

// ParseSet reads the names of permissions. A name that is none is an error that
// lists those there are.
func ParseSet(names []string) (Set, error) {
	var s Set
	for i, name := range names {
		one := SetOf(Permission(name))
		if one == 0 {
			return 0, &FieldError{Field: fmt.Sprintf("permissions[%d]", i), Message: fmt.Sprintf("%.64q is no permission; want one of %s", name, strings.Join(All().Names(), ", "))}
		}
		s |= one
	}
	return s, nil
}

// Has reports whether the set has a permission; no set has one that does not
// exist.
func (s Set) Has(p Permission) bool { return s&SetOf(p) != 0 }

// Without is what s has and other has not.
func (s Set) Without(other Set) Set { return s &^ other }

// Names are the permissions of the set in their order.
func (s Set) Names() []string {
	names := make([]string, 0, bits.OnesCount16(uint16(s)))
	for i, p := range permissions {
		if s&(1<<i) != 0 {
			names = append(names, string(p))
		}
	}
	return names
}
