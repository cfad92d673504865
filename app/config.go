package app

import (
	"context"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/firnlog/firn/internal/config"
	"github.com/firnlog/firn/target"
)

type configCommand struct {
	Check configCheck `cmd:"" help:"Say what a configuration sets, by what, and everything that is wrong with it."`
	Show  configShow  `cmd:"" help:"Print every setting in force, and where it comes from."`
}

func (c *configCommand) Help() string {
	return `A configuration is a JSON or YAML file. Settings of the environment
(FIRN_SERVER_LISTEN for server.listen) are above it, and flags of firn serve above
both. Secrets are never printed; they may be in files: password_file.

Examples:
  firn config check config.json
  firn config check config.json --connect
  FIRN_STORE_SEAL_AGE=1m firn config show --output json`
}

// configuration reads the configuration as firn serve does.
func (env *environment) configuration(file string, flags []config.Flag) (*config.Config, error) {
	return config.Load(config.Options{File: file, Environ: env.environ, Flags: flags, Kinds: env.kinds})
}

// warn tells what is probably a mistake.
func (env *environment) warn(cfg *config.Config) {
	for _, w := range cfg.Warnings {
		fmt.Fprintln(env.err, "firn: warning: "+escape(w.String()))
	}
}

// explainConfiguration is a faulty configuration as an error: of usage where the
// command line or the environment is at fault.
func explainConfiguration(file string, err error) error {
	var faults *config.Error
	if !errors.As(err, &faults) {
		return err
	}
	inFile := false
	lines := make([]string, len(faults.Problems))
	for i, p := range faults.Problems {
		inFile = inFile || p.Source.File != ""
		lines[i] = escape(p.String())
	}
	if !inFile {
		return &usageError{errors.New(strings.Join(lines, "\n"))}
	}
	return hint(fmt.Errorf("the configuration has %s:\n%s", count(len(lines), "fault"), strings.Join(lines, "\n")),
		"Nothing was started. `firn config check %s` tells the same.", escape(file))
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type configCheck struct {
	File    string `arg:"" optional:"" help:"The file; without one, the environment alone is looked at."`
	Connect bool   `help:"Open each target, as firn serve does, and close it again: what is missing is made."`
}

// Run explains a configuration.
func (c *configCheck) Run(env *environment) error {
	limitMemory()
	cfg, err := env.configuration(c.File, nil)
	var faults *config.Error
	if err != nil && !errors.As(err, &faults) {
		return err
	}
	t := newPage(env)
	if faults != nil {
		for _, p := range faults.Problems {
			t.problem("31", "", p)
		}
	}
	for _, w := range cfg.Warnings {
		t.problem("33", "warning: ", w)
	}
	if faults != nil {
		t.line("")
		t.line(t.paint("31", what(c.File)+" has "+count(len(faults.Problems), "fault")+"."))
		return errSilent
	}
	t.set(cfg)
	failed := 0
	for _, target := range cfg.Targets {
		t.target(target)
		if c.Connect && !t.connect(env, target) {
			failed++
		}
	}
	t.line("")
	if failed > 0 {
		t.line(t.paint("31", fmt.Sprintf("%s is right, but %s cannot be used now.", what(c.File), count(failed, "target"))))
		return errSilent
	}
	t.line(t.paint("32", what(c.File)+" is right."))
	return nil
}

// what names what was looked at.
func what(file string) string {
	if file == "" {
		return "The environment"
	}
	return escape(file)
}

type configShow struct {
	File   string `arg:"" optional:"" help:"The file; without one, the environment alone is looked at."`
	Config string `placeholder:"FILE" help:"The same, as firn serve takes it."`
	Output string `short:"o" enum:"text,json" default:"text" placeholder:"FORM" help:"text or json (default: text)."`
}

// Run prints the configuration in force.
func (c *configShow) Run(env *environment) error {
	limitMemory()
	if c.File != "" && c.Config != "" {
		return usagef("give the file once: as an argument or with --config")
	}
	file := c.File + c.Config
	cfg, err := env.configuration(file, nil)
	if err != nil {
		return explainConfiguration(file, err)
	}
	env.warn(cfg)
	if c.Output == "json" {
		return env.showJSON(cfg)
	}
	t := newPage(env)
	t.settings(cfg.Settings(), "")
	for _, target := range cfg.Targets {
		t.target(target)
	}
	return nil
}

// shownSetting is a setting as JSON.
type shownSetting struct {
	Path   string `json:"path"`
	Value  any    `json:"value"`
	Source string `json:"source"`
}

type shownTarget struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Source     string         `json:"source"`
	Instances  []string       `json:"instances,omitempty"`
	Where      jsontext.Value `json:"where,omitzero"`
	Start      string         `json:"start"`
	DaysToKeep int            `json:"days_to_keep,omitzero"`
	Settings   []shownSetting `json:"settings"`
}

func (env *environment) showJSON(cfg *config.Config) error {
	shown := struct {
		Settings []shownSetting `json:"settings"`
		Targets  []shownTarget  `json:"targets"`
	}{shownSettings(cfg.Settings()), []shownTarget{}}
	for _, t := range cfg.Targets {
		s := shownTarget{
			Name: t.Name, Type: t.Kind.Name, Source: t.Source.String(), Instances: t.Instances,
			Start: t.StartText(), DaysToKeep: t.DaysToKeep, Settings: shownSettings(t.Values),
		}
		if t.Where != nil {
			s.Where = jsontext.Value(t.Where.String())
		}
		shown.Targets = append(shown.Targets, s)
	}
	b, err := json.Marshal(shown, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.out, string(b))
	return err
}

func shownSettings(all []config.Setting) []shownSetting {
	shown := make([]shownSetting, len(all))
	for i, s := range all {
		shown[i] = shownSetting{s.Path, s.Value, s.Source.String()}
	}
	return shown
}

// connectTime is how long --connect waits for a target.
const connectTime = 15 * time.Second

// connect opens a target and closes it again.
func connect(ctx context.Context, env *environment, t config.Target) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	made, err := t.Kind.New(t.Spec.Settings, target.Environment{
		Name: t.Name, Stdout: env.out, Logger: slog.New(slog.NewTextHandler(env.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	return errors.Join(made.Open(ctx), made.Close())
}
