package databasetest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// PostgresUser is the superuser of a server that Postgres started. No password is
// asked for, and none is refused.
const PostgresUser = "tester"

// Postgres starts a PostgreSQL server. Its time zone is not UTC, so that a
// target that leaves it to the server is found out.
func Postgres() (*Server, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	s, err := newServer("postgres", "postgres", "database system is ready to accept connections")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	err = s.initialise(filepath.Join(bin, "initdb"), "-D", data, "-U", PostgresUser, "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync")
	if err != nil {
		return nil, err
	}
	s.command = func() *exec.Cmd {
		return exec.Command(filepath.Join(bin, "postgres"), //nolint:gosec,noctx // its arguments are this package's; it ends with Stop
			"-D", data, "-k", s.dir, "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port),
			"-c", "ssl=on", "-c", "ssl_cert_file="+s.Certificate(), "-c", "ssl_key_file="+s.certificateKey(),
			"-c", "fsync=off", "-c", "timezone=America/New_York", "-c", "logging_collector=off")
	}
	return s, s.Start()
}

func postgresBin() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) > 0 {
		slices.Sort(found)
		return found[len(found)-1], nil
	}
	p, err := exec.LookPath("postgres")
	if err != nil {
		return "", fmt.Errorf("PostgreSQL's server is not installed (test/setup.sh does it): %w", err)
	}
	return filepath.Dir(p), nil
}
