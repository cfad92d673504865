package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	firn "github.com/firnlog/firn"
)

type doctorCommand struct {
	Server string `placeholder:"URL" help:"The server to look for (default: $$FIRN_SERVER, else ${default_server})."`
	Data   string `default:"./data" type:"path" placeholder:"DIR" help:"The data directory (default: ./data)."`
	Key    string `name:"api-key" placeholder:"KEY" help:"API key of the server; better in $$FIRN_API_KEY."`
}

func (c *doctorCommand) Help() string {
	return `Looks at everything a log needs and says what to do about what is wrong. Changes
nothing. Exit code 1 if something is wrong; a warning alone is 0.`
}

// finding is the outcome of one check.
type finding struct {
	check  string
	state  string // "ok", "warn", "bad"
	what   string
	remedy string
}

// Run checks one thing after another.
func (c *doctorCommand) Run(env *environment) error {
	findings := []finding{{"version", "ok", env.version.String(), ""}}
	findings = append(findings, c.directory()...)
	findings = append(findings, c.disk()...)
	findings = append(findings, fileLimit())
	findings = append(findings, c.server(env)...)
	bad := 0
	for _, f := range findings {
		mark, paint := "ok  ", "32"
		switch f.state {
		case "warn":
			mark, paint = "warn", "33"
		case "bad":
			mark, paint = "BAD ", "31"
			bad++
		}
		if env.color {
			mark = "\x1b[" + paint + "m" + mark + "\x1b[0m"
		}
		fmt.Fprintf(env.out, "%s  %-10s  %s\n", mark, f.check, escape(f.what))
		if f.remedy != "" {
			fmt.Fprintf(env.out, "%18s%s\n", "", escape(f.remedy))
		}
	}
	if bad > 0 {
		return errSilent
	}
	return nil
}

// directory looks at who may use the directory and who does.
func (c *doctorCommand) directory() []finding {
	dir := shortPath(c.Data)
	info, err := os.Stat(c.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []finding{{"directory", "ok", dir + " is not there yet", "firn serve makes it"}}
	case err != nil:
		return []finding{{"directory", "bad", err.Error(), "the user who runs firn must be able to reach it"}}
	case !info.IsDir():
		return []finding{{"directory", "bad", dir + " is no directory", "give another with --data"}}
	}
	var all []finding
	probe, err := os.CreateTemp(c.Data, ".doctor-*")
	if err != nil {
		return []finding{{"directory", "bad", dir + " cannot be written: " + err.Error(), "the user who runs firn must own it"}}
	}
	defer os.Remove(probe.Name())
	defer probe.Close()
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		all = append(all, finding{"directory", "warn", fmt.Sprintf("%s is open to other users (%v)", dir, mode), "chmod 700 " + dir})
	} else {
		all = append(all, finding{"directory", "ok", dir + " can be written, and by nobody else", ""})
	}
	all = append(all, syncSpeed(probe))
	if hasLog(c.Data) == nil {
		all = append(all, c.log())
	}
	return all
}

// log tries to open the log.
func (c *doctorCommand) log() finding {
	log, err := firn.Open(c.Data, firn.Options{})
	switch {
	case errors.Is(err, firn.ErrLocked):
		if _, err := dialAdmin(c.Data); err == nil {
			return finding{"log", "ok", "is being served", ""}
		}
		return finding{"log", "ok", "is open in another process", ""}
	case errors.Is(err, firn.ErrNewer):
		return finding{"log", "bad", err.Error(), "use the version of firn that wrote it, or a newer one"}
	case err != nil:
		return finding{"log", "bad", err.Error(), "docs/operations.md has a remedy for each error"}
	}
	n := len(log.Instances())
	if err := log.Close(); err != nil {
		return finding{"log", "bad", err.Error(), "see the disk's own log"}
	}
	return finding{"log", "ok", "opens, holds " + counted(int64(n), "instance") + "; firn verify reads all of it", ""}
}

// syncSpeed measures what every acknowledged append waits for.
func syncSpeed(f *os.File) finding {
	const rounds = 20
	took := make([]time.Duration, 0, rounds)
	block := make([]byte, 4096)
	for range rounds {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return finding{"disk", "bad", "a write failed: " + err.Error(), ""}
		}
		if err := f.Sync(); err != nil {
			return finding{"disk", "bad", "a sync failed: " + err.Error(), "this disk cannot keep a log safe"}
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	median := took[rounds/2]
	what := fmt.Sprintf("a durable write takes %s (median of %d)", brief(median), rounds)
	switch {
	case median > 50*time.Millisecond:
		return finding{"disk", "warn", what, "each append alone waits that long; send batches, or use a faster disk"}
	case median < 20*time.Microsecond:
		return finding{"disk", "warn", what, "that is faster than disks are: is this memory (tmpfs), or a disk that does not keep its word?"}
	}
	return finding{"disk", "ok", what, ""}
}

// disk looks at the room that is left.
func (c *doctorCommand) disk() []finding {
	dir := c.Data
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return []finding{{"space", "warn", err.Error(), ""}}
	}
	free, total := int64(st.Bavail)*int64(st.Bsize), int64(st.Blocks)*int64(st.Bsize)
	what := fmt.Sprintf("%s of %s free", byteSize(free), byteSize(total))
	var all []finding
	switch {
	case free < 256<<20:
		all = append(all, finding{"space", "bad", what, "firn wants 256 MiB at least and 2 GiB in comfort; appends are refused when it is full: free some, or set a retention"})
	case free < 2<<30 || total > 0 && free < total/20:
		all = append(all, finding{"space", "warn", what, "below 2 GiB or a twentieth (it is wrong below 256 MiB): free some, or set a retention"})
	default:
		all = append(all, finding{"space", "ok", what + "; at least 256 MiB are needed", ""})
	}
	if st.Files > 0 && st.Ffree < 10_000 {
		all = append(all, finding{"inodes", "warn", grouped(int64(st.Ffree)) + " free", "each segment is a file"})
	}
	return all
}

func fileLimit() finding {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return finding{"files", "warn", err.Error(), ""}
	}
	what := fmt.Sprintf("%s open files allowed", grouped(int64(min(l.Cur, 1<<40))))
	if l.Cur < 4096 {
		return finding{"files", "warn", what, "raise it for many clients: ulimit -n 65536, or LimitNOFILE= in systemd"}
	}
	return finding{"files", "ok", what, ""}
}

// server looks for a server, and at the port where none answers.
func (c *doctorCommand) server(env *environment) []finding {
	conn := connection{Server: c.Server, Key: c.Key}
	address := conn.address(env)
	ctx, cancel := context.WithTimeout(env.ctx, 3*time.Second)
	defer cancel()
	about, err := askVersion(ctx, env, conn)
	if err != nil {
		return []finding{port(ctx, address, err)}
	}
	all := []finding{{"server", "ok", address + " runs firn " + about.version, ""}}
	if about.version != env.version.Version {
		all[0].state, all[0].remedy = "warn", "this is firn "+env.version.Version+": use the same version on both sides"
	}
	if about.ready != nil {
		all = append(all, finding{"ready", "bad", about.ready.Error(), "see what the server reports"})
	}
	drift := about.clock
	if drift < 0 {
		drift = -drift
	}
	if drift > 5*time.Second {
		all = append(all, finding{"clock", "warn", fmt.Sprintf("the server's clock differs by %s", brief(drift)), "set the clocks of both (NTP)"})
	} else {
		all = append(all, finding{"clock", "ok", "agrees with the server's", ""})
	}
	return all
}

// port says why no server answers: nobody there, or somebody else.
func port(ctx context.Context, address string, err error) finding {
	u, parseErr := url.Parse(address)
	if parseErr != nil || u.Host == "" {
		return finding{"server", "bad", address + " is no address", "it looks like " + defaultServer}
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), map[string]string{"https": "443"}[u.Scheme]+map[string]string{"http": "80"}[u.Scheme])
	}
	var d net.Dialer
	conn, dialErr := d.DialContext(ctx, "tcp", host)
	if dialErr == nil {
		conn.Close()
		text, _, _ := strings.Cut(err.Error(), "\n")
		return finding{"server", "bad", host + " answers, but not as firn: " + text, "another program has the port; choose another with --listen"}
	}
	return finding{"server", "ok", "none at " + address + "; the port is free", "firn serve starts one"}
}
