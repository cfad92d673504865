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

// workshopDir is where files are made. No event type has a directory of this
// name: a leading dot is encoded.
const workshopDir = ".firn"

// workshop is a directory of one open target, in which files get their content
// before they get their name. It is locked, so that two targets of one file_dir
// do not clean up each other's.
type workshop struct {
	root *os.Root
	dir  string // within root
	lock *os.File
	made int
}

// openWorkshop takes the first directory that nobody uses, and removes what was
// left in all that nobody uses.
func openWorkshop(root *os.Root) (*workshop, error) {
	if err := realDir(root, workshopDir); err != nil {
		return nil, err
	}
	var mine *workshop
	for n := 1; ; n++ {
		dir := workshopDir + "/" + strconv.Itoa(n)
		_, err := root.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) && mine != nil {
			return mine, nil
		}
		w, err := takeWorkshop(root, dir)
		switch {
		case err != nil:
			if mine != nil {
				mine.close()
			}
			return nil, err
		case w == nil: // somebody works there
		case mine == nil:
			mine = w
		default:
			w.close()
		}
	}
}

// takeWorkshop locks a directory and empties it; nil where another has it.
func takeWorkshop(root *os.Root, dir string) (*workshop, error) {
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
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	w := &workshop{root: root, dir: dir, lock: lock}
	left, err := lock.Readdirnames(-1)
	for _, name := range left {
		if err == nil && isTemporary(name) {
			err = root.Remove(dir + "/" + name)
		}
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
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

// next is the name, in the workshop, of a file to be made.
func (w *workshop) next() string {
	w.made++
	return strconv.Itoa(w.made) + temporary
}

const temporary = ".tmp"

func isTemporary(name string) bool {
	number, ok := strings.CutSuffix(name, temporary)
	_, err := strconv.Atoi(number)
	return ok && err == nil
}

func (w *workshop) close() { w.lock.Close() }
