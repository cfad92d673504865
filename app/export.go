package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

type exportCommand struct {
	connection
	Instance string `short:"i" required:"" placeholder:"NAME" help:"Instance, by id or name."`
	Format   string `enum:"auto,ndjson,csv,parquet" default:"auto" placeholder:"FORMAT" help:"ndjson, csv or parquet (default: by the file's name, else ndjson)."`
	File     string `name:"output" short:"o" default:"-" placeholder:"FILE" help:"Where to write; - is standard output (default)."`
	Force    bool   `help:"Replace the file if it is there."`
	filter
}

func (c *exportCommand) Help() string {
	return `Examples:
  firn export -i shop -o shop.parquet
  firn export -i shop --type order.paid --since 30d -o orders.csv
  firn export -i shop | firn import -i copy -             a copy in another instance
  duckdb -c "select event_type, count(*) from 'shop.parquet' group by 1"

The file appears under its name when it is whole, never before.`
}

// Run writes the events of one snapshot, in append order.
func (c *exportCommand) Run(env *environment) error {
	format := c.Format
	if format == "auto" {
		switch strings.ToLower(filepath.Ext(c.File)) {
		case ".csv":
			format = "csv"
		case ".parquet":
			format = "parquet"
		default:
			format = "ndjson"
		}
	}
	if c.File == "-" && format == "parquet" && env.outTerminal {
		return usagef("Parquet is no text for a terminal: give a file with --output")
	}
	where, err := c.conditions()
	if err != nil {
		return err
	}
	s, err := c.open(env)
	if err != nil {
		return err
	}
	defer s.close()
	var written int64
	bar := env.newProgress(-1, "exporting "+c.Instance)
	err = writeFile(env, c.File, c.Force, func(w io.Writer) error {
		out := &counting{to: w, bar: bar}
		defer func() { written = out.n }()
		return s.export(env.ctx, c.Instance, format, where, out)
	})
	bar.done()
	if err != nil {
		return s.explain(err, c.Instance)
	}
	if c.File != "-" {
		env.say(fmt.Sprintf("exported %s to %s, %s of %s", c.Instance, c.File, byteSize(written), format))
	}
	return nil
}

// writeFile writes a file that is there whole or not at all: beside its place,
// synced, then renamed. "-" is standard output.
func writeFile(env *environment, name string, force bool, write func(io.Writer) error) error {
	if name == "-" {
		return write(env.out)
	}
	if _, err := os.Lstat(name); err == nil && !force {
		return usagef("%s is there already; --force replaces it", name)
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return usagef("--output %s: there is no directory %s", name, filepath.Dir(name))
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.part")
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
