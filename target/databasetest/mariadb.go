package databasetest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// MariaDBUser has every right on a server that MariaDB started, with this
// password.
const (
	MariaDBUser     = "tester"
	MariaDBPassword = "correct horse'\"%@/?"
)

// MariaDB starts a MariaDB server with the settings that a target must not rely
// on: latin1, lax about values, a clock that is not UTC.
func MariaDB() (*Server, error) {
	for _, program := range []string{"mariadbd", "mariadb-install-db", "mariadb"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("MariaDB's server is not installed (test/setup.sh does it): %w", err)
		}
	}
	s, err := newServer("mariadb", "mysql", "ready for connections")
	if err != nil {
		return nil, err
	}
	data, socket := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "socket")
	err = s.initialise("mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db",
		"--innodb-log-file-size=16M", "--skip-name-resolve")
	if err != nil {
		return nil, err
	}
	s.command = func() *exec.Cmd {
		return exec.Command("mariadbd", //nolint:gosec,noctx // its arguments are this package's; it ends with Stop
			"--no-defaults", "--datadir="+data, "--socket="+socket, "--bind-address=127.0.0.1",
			"--ssl-cert="+s.Certificate(), "--ssl-key="+s.certificateKey(),
			"--port="+strconv.Itoa(s.Port), "--pid-file="+filepath.Join(s.dir, "pid"), "--innodb-flush-log-at-trx-commit=2", "--innodb-log-file-size=64M",
			"--character-set-server=latin1", "--sql-mode=", "--default-time-zone=-05:00", "--skip-name-resolve")
	}
	if err := s.Start(); err != nil {
		return nil, err
	}
	grant := fmt.Sprintf(`CREATE USER %s@'127.0.0.1' IDENTIFIED BY 'correct horse''\"%%@/?'; GRANT ALL ON *.* TO %[1]s@'127.0.0.1' WITH GRANT OPTION`, MariaDBUser)
	return s, s.initialise("mariadb", "--no-defaults", "--socket="+socket, "--user=root", "--execute="+grant)
}
