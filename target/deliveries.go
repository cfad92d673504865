package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/internal/store/vfs"
)

// Options configures Deliver.
type Options struct {
	// Dir is where the cursors and dead letters are, a directory for each target.
	Dir string
	// Stdout is for targets that write to the standard output. Default: nowhere.
	Stdout io.Writer
	// Logger is told what an operator should know. Default: slog.Default().
	Logger *slog.Logger

	fsys   vfs.FS
	timing timing
}

// Deliveries are all targets of a log; nil is none. The methods may be called by
// many goroutines at once.
type Deliveries struct {
	log      *firn.Log
	identity Identity
	all      []*delivery // by name
	stop     context.CancelFunc
	running  sync.WaitGroup
	offline  bool
}

// Errors of what operators ask for.
var (
	ErrUnknown    = errors.New("no such target")
	ErrNotRunning = errors.New("no server delivers to it")
)

// ValidName reports whether a target may have a name: it is a directory's too.
func ValidName(name string) bool { return validName.MatchString(name) }

var validName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$`)

// Deliver delivers to every target until Close. A target that cannot be reached, or
// whose state cannot be read, fails by itself; the error is of a specification
// that makes no sense, and then nothing is started. What is appended after it has
// returned comes to a target that begins now.
func Deliver(log *firn.Log, specs []Spec, o Options) (*Deliveries, error) {
	ctx, stop := context.WithCancel(context.Background())
	ds := newDeliveries(log, stop)
	var errs []error
	for _, spec := range specs {
		d := ds.newDelivery(spec, &o)
		switch {
		case !ValidName(spec.Name):
			errs = append(errs, fmt.Errorf("target %q: a name is 1 to 64 letters, digits and . _ -, and begins with none of . and -", spec.Name))
			continue
		case ds.find(spec.Name) != nil:
			errs = append(errs, fmt.Errorf("target %q: another target has the name", spec.Name))
			continue
		}
		if spec.Settings == nil {
			spec.Settings = spec.Kind.Settings()
		}
		var err error
		d.target, err = spec.Kind.New(spec.Settings, Environment{Name: spec.Name, Stdout: o.Stdout, Logger: d.logger})
		if err != nil {
			errs = append(errs, fmt.Errorf("target %s: %w", spec.Name, err))
			continue
		}
		ds.all = append(ds.all, d)
	}
	if err := errors.Join(errs...); err != nil {
		stop()
		for _, d := range ds.all {
			err = errors.Join(err, d.target.Close())
		}
		return nil, err
	}
	ds.sort()
	for _, d := range ds.all {
		_ = d.begin(ctx) // where it begins is settled when this returns; an error comes again
	}
	for _, d := range ds.all {
		ds.running.Go(func() { d.run(ctx) })
	}
	return ds, nil
}

// Offline are the targets that have a state in a directory, which nobody
// delivers to: what there is to see and to set without their configuration.
func Offline(log *firn.Log, o Options) (*Deliveries, error) {
	ds := newDeliveries(log, func() {})
	ds.offline = true
	names, err := o.files().List(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return ds, nil
	}
	if err != nil {
		return ds, err
	}
	var errs []error
	for _, name := range names {
		if !ValidName(name) {
			continue
		}
		d := ds.newDelivery(Spec{Name: name}, &o)
		d.status.State = Stopped
		s, err := openState(d.fsys, filepath.Join(o.Dir, name))
		if err != nil {
			errs = append(errs, fmt.Errorf("target %s: %w", name, err))
			continue
		}
		d.status.Type = s.kind
		d.share(s)
		ds.all = append(ds.all, d)
	}
	ds.sort()
	return ds, errors.Join(errs...)
}

func newDeliveries(log *firn.Log, stop context.CancelFunc) *Deliveries {
	ds := &Deliveries{log: log, stop: stop}
	ds.identity.ID, ds.identity.Epoch = log.Identity()
	return ds
}

func (o *Options) files() vfs.FS {
	if o.fsys != nil {
		return o.fsys
	}
	return vfs.OS
}

func (ds *Deliveries) newDelivery(spec Spec, o *Options) *delivery {
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	t := o.timing.withDefaults()
	return &delivery{
		spec: spec, log: ds.log, identity: ds.identity, timing: t, logger: logger, fsys: o.files(), dir: o.Dir,
		size: t.events, unsaved: map[*place]bool{}, kick: make(chan struct{}, 1),
		status:    Status{Name: spec.Name, Type: spec.Kind.Name, State: Retrying},
		announcer: announcer{log: ds.log, logger: logger, name: spec.Name, kind: spec.Kind.Name, gather: t.gather, told: map[bool]time.Time{}},
	}
}

func (ds *Deliveries) sort() {
	slices.SortFunc(ds.all, func(a, b *delivery) int { return strings.Compare(a.spec.Name, b.spec.Name) })
}

// Close ends all deliveries, in bounded time whatever the targets do: what is
// being written may be finished within some seconds. Closing twice is harmless.
func (ds *Deliveries) Close() {
	ds.stop()
	ds.running.Wait()
}

// Status is how each target is doing, by name.
func (ds *Deliveries) Status() []Status {
	if ds == nil {
		return nil
	}
	all := make([]Status, len(ds.all))
	for i, d := range ds.all {
		all[i] = d.report()
	}
	return all
}

func (ds *Deliveries) find(name string) *delivery {
	for _, d := range ds.all {
		if d.spec.Name == name {
			return d
		}
	}
	return nil
}

func (ds *Deliveries) delivery(name string) (*delivery, error) {
	var d *delivery
	if ds != nil {
		d = ds.find(name)
	}
	if d == nil {
		return nil, fmt.Errorf("target %q: %w", name, ErrUnknown)
	}
	return d, nil
}

// Retry has a target tried now, whatever it waits for, and with letters its dead
// letters too: those with these ids, or, where ids is empty, all. It returns at
// once.
func (ds *Deliveries) Retry(name string, letters bool, ids []int64) (Status, error) {
	d, err := ds.delivery(name)
	if err != nil {
		return Status{}, err
	}
	if ds.offline {
		return Status{}, fmt.Errorf("target %s: %w", name, ErrNotRunning)
	}
	if err := d.hasLetters(ids); err != nil {
		return Status{}, err
	}
	if letters {
		d.mu.Lock()
		d.again.ask(ids)
		d.mu.Unlock()
	}
	d.tryNow()
	return d.report(), nil
}

// ask adds dead letters to those that are wanted.
func (r *redelivery) ask(ids []int64) {
	if len(ids) == 0 {
		*r = redelivery{wanted: true}
		return
	}
	all := map[int64]bool{}
	if r.wanted && r.ids == nil {
		return
	}
	for id := range r.ids {
		if id > r.after {
			all[id] = true
		}
	}
	for _, id := range ids {
		all[id] = true
	}
	*r = redelivery{wanted: true, ids: all}
}

func (d *delivery) hasLetters(ids []int64) error {
	s, err := d.operable()
	if err != nil {
		return nil // then there are no letters to be seen, and trying again is right
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.hasLetters(ids); err != nil {
		return fmt.Errorf("target %s: %w", d.spec.Name, err)
	}
	return nil
}

// tryNow has the target tried at once, whatever it waits for.
func (d *delivery) tryNow() {
	d.mu.Lock()
	d.retry = true
	d.mu.Unlock()
	d.wake()
}

func (d *delivery) wake() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// operable is the state for operators.
func (d *delivery) operable() (*state, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shared == nil {
		return nil, fmt.Errorf("target %s: its state is not read yet, or cannot be: %s", d.spec.Name, d.status.LastError)
	}
	return d.shared, nil
}

// DeadLetters lists a target's dead letters by id: those above after, at most
// limit and about 8 MiB. More says that there are.
func (ds *Deliveries) DeadLetters(name string, after int64, limit int) (letters []DeadLetter, more bool, err error) {
	d, err := ds.delivery(name)
	if err != nil {
		return nil, false, err
	}
	s, err := d.operable()
	if err != nil {
		return nil, false, err
	}
	return s.deadLetters(nil, after, limit, d.timing.bytes)
}

// Replay has a target go on elsewhere: in one instance (by id or name), or, where
// none is named, in all that it gets. It is durable when it returns. Events that
// the target has had come again, and those that are skipped are so for good.
func (ds *Deliveries) Replay(name, instance string, from From) error {
	d, err := ds.delivery(name)
	if err != nil {
		return err
	}
	s, err := d.operable()
	if err != nil {
		return err
	}
	heads, err := ds.heads(instance)
	if err != nil {
		return err
	}
	if err := s.replay(heads, ds.identity, from); err != nil {
		return err
	}
	d.tryNow()
	return nil
}

// heads are an instance, or all.
func (ds *Deliveries) heads(instance string) ([]firn.Head, error) {
	all := ds.log.Heads()
	if instance == "" {
		return all, nil
	}
	in, err := ds.log.Instance(instance)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(h firn.Head) bool { return h.Instance.ID != in.ID }), nil
}
