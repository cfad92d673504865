// Package config is the configuration of a server: one typed Config, read from a
// file (JSON or YAML), the environment and the flags of the command line. Of
// every value it is known where it comes from, and all that is wrong is told at
// once, with the place and what would be right.
//
// A flag is above the environment, that above the file, that above the default.
package config

import (
	"runtime/debug"
	"time"

	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/target"
)

// Config is a whole configuration. The names of settings are the json tags; a
// setting a.b is the environment variable FIRN_A_B where no env tag says another.
type Config struct {
	Server      Server      `json:"server"`
	Store       Store       `json:"store"`
	Limits      Limits      `json:"limits"`
	Auth        Auth        `json:"auth"`
	Retention   Retention   `json:"retention"`
	HappyView   HappyView   `json:"happyview"`
	WebDebug    WebDebug    `json:"webdebug"`
	Catalog     Catalog     `json:"catalog"`
	Log         Log         `json:"log"`
	EventLogger EventLogger `json:"event_logger"`
	Database    Database    `json:"database"`
	// EventLoggerName is Querybook's: null, console, db or the name of a kind of
	// target.
	EventLoggerName string `json:"EVENT_LOGGER_NAME" env:"EVENT_LOGGER_NAME"`

	// File is the file that was read; empty where there was none.
	File string `json:"-"`
	// Targets is what targets, event_logger and EVENT_LOGGER_NAME come to.
	Targets []Target `json:"-"`
	// Warnings are what is allowed and probably a mistake.
	Warnings []Problem `json:"-"`

	settings []Setting
}

// Server is the block server.
type Server struct {
	// Listen are addresses, host:port; localhost is both loopback families.
	Listen []string `json:"listen"`
	// AllowedHosts are Host names that are answered beside the loopback names.
	AllowedHosts []string `json:"allowed_hosts"`
	// AllowedOrigins are other sites whose pages may ask.
	AllowedOrigins []string `json:"allowed_origins"`
	// KeyRate is how many requests a second an API key may make; 0 = any number.
	KeyRate float64 `json:"key_rate"`
}

// Store is the block store.
type Store struct {
	// Data is the directory of the log.
	Data string `json:"data"`
	// SealAge is the age at which events go to Parquet at the latest.
	SealAge time.Duration `json:"seal_age"`
	// SealRows is how many events of an instance go to Parquet at the latest.
	SealRows int `json:"seal_rows"`
}

// Limits is the block limits.
type Limits struct {
	// EventBytes bounds an event's payload and metadata together.
	EventBytes Bytes `json:"event_bytes"`
	// BatchBytes and BatchEvents bound a batch.
	BatchBytes  Bytes `json:"batch_bytes"`
	BatchEvents int   `json:"batch_events"`
	// QueryTimeout stops a query.
	QueryTimeout time.Duration `json:"query_timeout"`
	// QueryMemory is shared by the running queries, BodyMemory by the request
	// bodies in flight.
	QueryMemory Bytes `json:"query_memory"`
	BodyMemory  Bytes `json:"body_memory"`
}

// Event is the part of the limits that package event knows.
func (l Limits) Event() event.Limits {
	return event.Limits{EventBytes: int(l.EventBytes), BatchBytes: int(l.BatchBytes), BatchEvents: l.BatchEvents}
}

// Auth is the block auth.
type Auth struct {
	// FailedSignIns is how many wrong keys an address may try a minute.
	FailedSignIns int `json:"failed_sign_ins"`
}

// Retention is the block retention.
type Retention struct {
	// SystemDays is how many days the instance system keeps events, above the
	// setting that is stored; 0 = for ever, nil = the stored setting holds.
	SystemDays *int `json:"system_days" env:"EVENT_LOG_RETENTION_DAYS"`
	// ProtectedDays is how many days the instance system keeps at least what it
	// protects.
	ProtectedDays int `json:"protected_days"`
}

// HappyView is the block happyview.
type HappyView struct {
	// Instance is what the door shows where a request names no other.
	Instance string `json:"instance"`
}

// WebDebug is the block webdebug.
type WebDebug struct {
	// Enabled is whether schemes are taken and told.
	Enabled bool `json:"enabled"`
	// Redact are the keys whose values are not stored.
	Redact []string `json:"redact"`
	// ProjectRoot is the directory of the application whose files the viewer
	// shows where events name them; "" shows none.
	ProjectRoot string `json:"project_root"`
}

// Catalog is the block catalog.
type Catalog struct {
	// Directories hold event types of the user's.
	Directories []string `json:"directories"`
}

// Log is the block log: what the server says on standard error.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `json:"level"`
}

// EventLogger is whatshooked's block event_logger.
type EventLogger struct {
	Enabled   bool     `json:"enabled"`
	Targets   []string `json:"targets"`
	FileDir   string   `json:"file_dir"`
	TableName string   `json:"table_name"`
}

// Database is the block database, which the targets of event_logger and
// EVENT_LOGGER_NAME share.
type Database struct {
	Type       string        `json:"type"`
	Host       string        `json:"host"`
	Port       int           `json:"port"`
	Username   string        `json:"username"`
	Password   target.Secret `json:"password"`
	Database   string        `json:"database"`
	SQLitePath string        `json:"sqlite_path"`
}

// protectedDays is the least and the default of retention.protected_days.
const protectedDays = 365

// Default is the configuration of a server that is told nothing.
func Default() *Config {
	limits := event.Limits{}.WithDefaults()
	memory := min(256<<20, debug.SetMemoryLimit(-1)/4)
	return &Config{
		Server: Server{Listen: []string{"localhost:7070"}},
		Store:  Store{Data: "./data", SealAge: 5 * time.Minute, SealRows: 250_000},
		Limits: Limits{
			EventBytes: Bytes(limits.EventBytes), BatchBytes: Bytes(limits.BatchBytes), BatchEvents: limits.BatchEvents,
			QueryTimeout: 30 * time.Second, QueryMemory: Bytes(memory), BodyMemory: Bytes(memory),
		},
		Auth:        Auth{FailedSignIns: 10},
		Retention:   Retention{ProtectedDays: protectedDays},
		HappyView:   HappyView{Instance: "system"},
		WebDebug:    WebDebug{Enabled: true, Redact: redacted()},
		Log:         Log{Level: "warn"},
		EventLogger: EventLogger{FileDir: "./data/events", TableName: "event_logs"},
		Database:    Database{SQLitePath: "./data/events.db"},
	}
}

// redacted is the door's own list (a test of package app compares the two).
func redacted() []string {
	return []string{
		"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key",
		"password", "passwd", "secret", "token", "api_key",
	}
}

// Specs are the targets as the delivery takes them.
func (c *Config) Specs() []target.Spec {
	specs := make([]target.Spec, len(c.Targets))
	for i, t := range c.Targets {
		specs[i] = t.Spec
	}
	return specs
}
