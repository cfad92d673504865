package store

// Validation is what becomes of events of an instance that break the schemas of
// their types: as it is set, off for system, whose events are the log's own or
// come from doors with types of their own, and Warn, the default, for an instance
// that is not there yet.
func (l *Log) Validation(idOrName string) Validation {
	in := l.find(idOrName)
	if in == nil {
		return ValidationWarn
	}
	in.mu.RLock()
	defer in.mu.RUnlock()
	if in.meta.Name == SystemInstance {
		return ValidationOff
	}
	return in.meta.Validation
}

// find is the instance of an id, else of a name, nil where there is none.
func (l *Log) find(idOrName string) *instance {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(idOrName) == 36 {
		if u, err := parseUUID(idOrName); err == nil && l.byID[u] != nil {
			return l.byID[u]
		}
	}
	return l.byName[idOrName]
}
