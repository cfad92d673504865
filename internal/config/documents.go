package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/firnlog/firn/target"
)

// The blocks of the documents: whatshooked's event_logger, Querybook's
// EVENT_LOGGER_NAME, and database, which both share.

// databaseSettings are the settings that targets of the block database have
// beyond the documented ones, such as sslmode.
func (l *loader) databaseSettings() []string {
	documented := []string{"table_name", "path", "sqlite_path"}
	for _, f := range fieldsOf(reflect.ValueOf(&l.config.Database).Elem()) {
		documented = append(documented, f.name)
	}
	var names []string
	for _, name := range []string{"sqlite", "postgres", "mysql"} {
		k, ok := l.kind(name)
		if !ok {
			continue
		}
		for _, name := range namesOf(fieldsOf(reflect.ValueOf(k.Settings()).Elem())) {
			if !slices.Contains(documented, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// documentPlace is where the documents have a setting of a kind of target.
func documentPlace(k target.Kind, name string) (block, key string) {
	switch {
	case name == "table_name", name == "file_dir", slices.Contains(deliveryNames, name):
		return "event_logger", name
	case k.Name == "sqlite" && name == "path":
		return "database", "sqlite_path"
	}
	return "database", name
}

// eventLogger makes the targets of whatshooked's block.
func (l *loader) eventLogger(root *node) {
	block := root.get("event_logger")
	if block == nil || block.kind != object {
		return
	}
	logger := &l.config.EventLogger
	names := block.get("targets")
	if names == nil {
		if logger.Enabled {
			l.fault(block.source, "event_logger.targets", "is missing; it lists where events go, such as [\"file\", \"sqlite\"]")
		}
		return
	}
	if len(logger.Targets) == 0 && names.kind != raw && names.kind != list {
		return // told already
	}
	if logger.Enabled && len(logger.Targets) == 0 {
		l.fault(names.source, "event_logger.targets", "is empty; name a target, or set enabled to false")
	}
	made := map[string]bool{}
	for i, name := range logger.Targets {
		source := names.source
		if names.kind == list && i < len(names.items) {
			source = names.items[i].source
			if names.items[i].kind != text && names.items[i].kind != raw {
				continue // told already
			}
		}
		k, ok := l.kind(name)
		if !ok {
			l.unknownKind(source, fmt.Sprintf("event_logger.targets[%d]", i), name)
			continue
		}
		if logger.Enabled && !made[k.Name] {
			made[k.Name] = true
			l.document(root, k, source, true)
		}
	}
	if !logger.Enabled && len(logger.Targets) > 0 {
		l.config.Warnings = append(l.config.Warnings, Problem{block.source, "event_logger",
			"enabled is not true, so its targets get nothing (" + strings.Join(logger.Targets, ", ") + ")"})
	}
}

// loggerName makes the target that Querybook's setting selects.
func (l *loader) loggerName(root *node) {
	name, n := l.config.EventLoggerName, root.get("EVENT_LOGGER_NAME")
	if n == nil || name == "" {
		return // Querybook's default: nothing
	}
	kindName := name
	if name == "db" {
		if kindName = l.databaseType(root, n.source); kindName == "" {
			return
		}
	}
	k, ok := l.kind(kindName)
	switch {
	case !ok && slices.ContainsFunc(root.get("targets").list(), func(t *node) bool {
		return t.get("name") != nil && t.get("name").text == name
	}):
		return // a target of this file, which runs anyway
	case !ok:
		l.unknownKind(n.source, "EVENT_LOGGER_NAME", name, "db")
	case slices.ContainsFunc(l.config.Targets, func(t Target) bool { return t.Kind.Name == k.Name }):
		// event_logger has the same target
	default:
		l.document(root, k, n.source, false)
	}
}

// list are a list's items; none of what is none.
func (n *node) list() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

// databaseType is the kind of target that the block database is of; empty where
// that is told as a problem.
func (l *loader) databaseType(root *node, source Source) string {
	database := root.get("database")
	switch {
	case l.config.Database.Type != "":
		return l.config.Database.Type
	case database.get("sqlite_path") != nil && database.get("host") == nil:
		return "sqlite"
	case database.get("type") == nil:
		l.fault(source, "EVENT_LOGGER_NAME", "db needs the block database, whose type is mysql, postgres or sqlite")
	}
	return ""
}

// document makes a target of the blocks event_logger and database.
func (l *loader) document(root *node, k target.Kind, source Source, defaults bool) {
	t := &Target{Spec: target.Spec{Name: k.Name, Kind: k, Settings: k.Settings()}, Source: source}
	fields := fieldsOf(reflect.ValueOf(t.Settings).Elem())
	place := func(name string) (string, *node) {
		block, key := documentPlace(k, name)
		n := root.get(block)
		if n == nil || n.kind != object {
			return block + "." + key, nil
		}
		if n.get(key) == nil {
			return block + "." + key, n.get(key + "_file")
		}
		return block + "." + key, n.get(key)
	}
	before := len(l.problems)
	for _, f := range fields {
		path, n := place(f.name)
		block, key := documentPlace(k, f.name)
		switch {
		case f.secret && n != nil && n == root.get(block).get(key+"_file"):
			l.secretFile(path, path+"_file", n, f.value)
		case n != nil:
			l.value(path, n, f.value)
		case !defaults || f.value.Kind() != reflect.String:
		case path == "event_logger.file_dir" && k.Name == "file":
			f.value.SetString(l.config.EventLogger.FileDir)
		case path == "event_logger.table_name":
			f.value.SetString(l.config.EventLogger.TableName)
		case path == "database.sqlite_path":
			f.value.SetString(l.config.Database.SQLitePath)
		}
	}
	sound := len(l.problems) == before
	if n := root.get("event_logger"); n != nil && n.kind == object {
		l.delivery("event_logger", n, &t.Spec)
	}
	if sound {
		l.finish(t, fields, place)
	}
}
