package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// stagingDir is where files are made. No event type has a directory of this
// name: a leading dot is encoded.
const stagingDir = ".firn"

// staging is a directory of one open target, in which files get their content
// before they get their name. It is locked, so that two targets of one file_dir
// do not clean up each other's.
type staging struct {
	root *os.Root
	dir  string // within root
	lock *os.File
	made int
}

// openStaging takes the first directory that nobody uses, and removes what was
// left in all that nobody uses.
func openStaging(root *os.Root) (*staging, error) {
	if err := realDir(root, stagingDir); err != nil {
		return nil, err
	}
	var mine *staging
	for n := 1; ; n++ {
		dir := stagingDir + "/" + strconv.Itoa(n)
		_, err := root.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) && mine != nil {
			return mine, nil
		}
		s, err := takeStaging(root, dir)
		switch {
		case err != nil:
			if mine != nil {
				mine.close()
			}
			return nil, err
		case s == nil: // somebody works there
		case mine == nil:
			mine = s
		default:
			s.close()
		}
	}
}

// takeStaging locks a directory and empties it; nil where another has it.
func takeStaging(root *os.Root, dir string) (*staging, error) {
	if err := realDir(root, dir); err != nil {
		return nil, err
	}
	lock, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, fmt.Errorf("lock %s: %s", dir, err) //nolint:errorlint // as text: fault would take its EOPNOTSUPP for that of a hard link
	}
	s := &staging{root: root, dir: dir, lock: lock}
	left, err := lock.Readdirnames(-1)
	for _, name := range left {
		if err == nil && isTemporary(name) {
			err = root.Remove(dir + "/" + name)
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// realDir makes a directory if it is missing. A symbolic link is not taken for
// one: what it leads to is not ours to clean.
func realDir(root *os.Root, dir string) error {
	if err := root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := root.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "use", Path: dir, Err: syscall.ENOTDIR}
	}
	return err
}

// next is the name, in the staging directory, of a file to be made.
func (s *staging) next() string {
	s.made++
	return strconv.Itoa(s.made) + temporary
}

const temporary = ".tmp"

func isTemporary(name string) bool {
	number, ok := strings.CutSuffix(name, temporary)
	_, err := strconv.Atoi(number)
	return ok && err == nil
}

func (s *staging) close() { s.lock.Close() }
