package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strings"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/event"
	"github.com/firnlog/firn/internal/auth"
	"github.com/firnlog/firn/internal/server/querybook"
	"github.com/firnlog/firn/internal/server/webdebug"
)

// permission is what a caller must hold to use a route: one of package auth, or one
// of the two below. A route that states none does not start.
type permission string

const (
	open   permission = "open" // nobody is asked for a key
	anyKey permission = "any"  // every key will do

	eventsRead      = permission(auth.EventsRead)
	eventsAppend    = permission(auth.EventsAppend)
	eventsPurge     = permission(auth.EventsPurge)
	catalogManage   = permission(auth.CatalogManage)
	instancesManage = permission(auth.InstancesManage)
	keysManage      = permission(auth.KeysManage)
	metricsRead     = permission(auth.MetricsRead)
)

// asked is what the gate asks a key for; stated is false for a permission that
// does not exist.
func (p permission) asked() (required auth.Permission, stated bool) {
	switch {
	case p == open, p == anyKey:
		return "", true
	default:
		return auth.Permission(p), auth.SetOf(auth.Permission(p)) != 0
	}
}

// checkRoutes reports every route that states no permission.
func checkRoutes(all []route) error {
	var errs []error
	for _, r := range all {
		if _, stated := r.permission.asked(); !stated {
			errs = append(errs, fmt.Errorf("route %s %s: its permission %q is none: the server does not start", r.method, r.path, r.permission))
		}
	}
	return errors.Join(errs...)
}

// newGate makes the gate of a log. Where damage may have cost keys, the log is
// not open for having none.
func newGate(log *firn.Log, opts *Options) *auth.Gate {
	report := func(err error) { opts.Logger.Error("access", "error", err) }
	keys := auth.NewKeys(log, auth.KeysOptions{Now: opts.Now, Report: report, Made: log.DocumentsLost()})
	return auth.NewGate(keys, auth.GateOptions{
		Rate: opts.KeyRate, SignIns: opts.FailedSignIns, Report: report,
		Record: func(ctx context.Context, d event.Draft) error {
			_, err := log.Record(ctx, d)
			return err
		},
	})
}

// Keys are the API keys that the server goes by; for the owner of the machine,
// who makes the first one.
func (s *Server) Keys() *auth.Keys { return s.gate.Keys() }

// Open reports whether no key was ever made, so that whoever reaches the server
// may do everything.
func (s *Server) Open() bool { return s.Keys().Ring().Open() }

// ownerKey marks the context of requests of the owner of the directory.
type ownerKey struct{}

// admit is the one gate that every request of every route passes, before
// anything of it is looked at. It leaves the caller in the request; what streams
// and queries run under ends with the caller's key. done must be called.
func (s *Server) admit(r *request) (done context.CancelFunc, err error) {
	done = func() {}
	required, stated := r.route.permission.asked()
	if !stated {
		return done, forbidden("this route states no permission, so nobody has it")
	}
	if r.route.permission == open {
		return done, nil
	}
	caller, err := s.identify(r)
	if err != nil {
		return done, err
	}
	if err := caller.Admit(r.Context(), required, r.URL.Path); err != nil {
		return done, err
	}
	if err := s.confine(r, caller); err != nil {
		return done, err
	}
	ctx := auth.WithCaller(r.Context(), caller)
	if actor := caller.Actor(); actor != "" {
		ctx = firn.WithActor(ctx, actor)
	}
	if r.route.stream || r.route.permission == eventsRead {
		ctx, done = caller.Until(ctx)
	}
	r.caller, r.Request = caller, r.WithContext(ctx)
	return done, nil
}

// identify finds out who asks: by the header Authorization, else by the place
// that the route has for a key, else by the cookie of a viewer that has signed in.
func (s *Server) identify(r *request) (auth.Caller, error) {
	if r.Context().Value(ownerKey{}) != nil {
		return auth.Owner(), nil
	}
	if given := r.Header.Values("Authorization"); len(given) > 0 {
		scheme, secret, _ := strings.Cut(given[0], " ")
		if len(given) > 1 || !strings.EqualFold(scheme, "Bearer") {
			p := unauthorized("the header Authorization must be: Bearer, a space, an API key")
			p.Errors = []fieldError{{Field: "Authorization", Message: "must be Bearer and an API key"}}
			return auth.Caller{}, p
		}
		return s.gate.Authenticate(strings.TrimSpace(secret), remote(r.Request))
	}
	if r.route.key != nil {
		if secret := r.route.key(r.Request); secret != "" {
			return s.gate.Authenticate(secret, remote(r.Request))
		}
	}
	if caller, ok := s.sessions.resume(r.Request, s.gate, s.opts.Now()); ok {
		return caller, nil
	}
	return s.gate.Anonymous()
}

// remote is the address that a request comes from; that of the proxy, where
// there is one.
func remote(r *http.Request) netip.Addr {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return address.Addr()
}

// confine answers for the instance of the route's path: one that the caller's
// key is not for is unknown. The handler gets the id, so that nothing changes
// places between this look and its own.
func (s *Server) confine(r *request, caller auth.Caller) error {
	name := r.PathValue("instance")
	if r.route.instance != nil {
		name = r.route.instance(r.Request)
	}
	if name == "" || caller.Everywhere() {
		return nil
	}
	in, err := s.visible(caller, name)
	if err != nil {
		return err
	}
	r.SetPathValue("instance", in.ID)
	return nil
}

// visible finds an instance that is there for the caller. Handlers use it for
// instances that are named elsewhere than in the path.
func (s *Server) visible(caller auth.Caller, idOrName string) (firn.Instance, error) {
	in, err := s.log.Instance(idOrName)
	if err == nil && !caller.Sees(in.ID) {
		return firn.Instance{}, fmt.Errorf("instance %q: %w", idOrName, firn.ErrNotFound)
	}
	return in, err
}

// ownInstance reports whether an instance is one that Firn makes itself: those
// that its doors write to.
func ownInstance(name string) bool { return name == querybook.Instance || name == webdebug.Instance }

// mayCreate reports whether an append may make its instance, and refuses one
// that asks for it in vain. A door's own is made for every key that may append
// there, as its door does: its users' other programs speak to /v1.
func (s *Server) mayCreate(r *request) (bool, error) {
	if !r.params.boolean("auto_create") {
		return false, nil
	}
	if r.caller.Everywhere() && (r.caller.May(auth.InstancesManage) || ownInstance(r.PathValue("instance"))) {
		return true, nil
	}
	if _, err := s.visible(r.caller, r.PathValue("instance")); errors.Is(err, firn.ErrNotFound) {
		return false, r.caller.Deny(r.Context(), auth.InstancesManage, r.URL.Path)
	}
	return false, nil
}

// unauthorized is a 401.
func unauthorized(detail string) *problem {
	return newProblem(http.StatusUnauthorized, codeUnauthorized, "An API key is needed", detail)
}

// problemOfAccess maps the errors of the gate; nil for others.
func problemOfAccess(err error) *problem {
	var denied *auth.DeniedError
	var grant *auth.GrantError
	var rate *auth.RateError
	var field *auth.FieldError
	switch {
	case errors.Is(err, auth.ErrNoKey):
		return unauthorized("give an API key in the header Authorization: Bearer firn_…")
	case errors.Is(err, auth.ErrWrongKey):
		return unauthorized("the API key is wrong, revoked or has expired")
	case errors.Is(err, auth.ErrEnded):
		return unauthorized("the API key was revoked or has expired while this went on, or one is needed now; whether what was under way was carried out is unknown")
	case errors.Is(err, auth.ErrFirstKey):
		return forbidden("%s", err.Error())
	case errors.Is(err, auth.ErrNotFound):
		return newProblem(http.StatusNotFound, codeNotFound, "Not found", err.Error())
	case errors.As(err, &denied):
		p := newProblem(http.StatusForbidden, codePermission, "The API key does not allow this", err.Error())
		p.RequiredPermission = string(denied.Permission)
		return p
	case errors.As(err, &grant):
		return newProblem(http.StatusForbidden, codePermission, "The API key does not allow this", err.Error())
	case errors.As(err, &field):
		return malformed(field.Field, "%s", field.Message)
	case errors.As(err, &rate):
		p := newProblem(http.StatusTooManyRequests, codeRate, "Too many requests", err.Error())
		p.retryAfter = max(1, int(math.Ceil(rate.Again.Seconds())))
		return p
	}
	return nil
}
