package app

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/internal/auth"
)

type keysCommand struct {
	List   keysList   `cmd:"" default:"withargs" help:"List API keys (default)."`
	Create keysCreate `cmd:"" help:"Make an API key, and show it this once."`
	Revoke keysRevoke `cmd:"" help:"Revoke an API key for good."`
}

func (c *keysCommand) Help() string {
	return `Until the first key is made, a server answers this machine's users only, and asks
them for nothing. From then on everyone needs a key. The first one is made here, on
the machine, while its server runs or not; never over the network.

Examples:
  firn keys create admin                                            may do everything
  firn keys create shop-writer --permission events:append -i shop
  firn keys create grafana --permission events:read --permission metrics:read
  firn keys revoke shop-writer                                      takes effect at once`
}

// keysWhere says whose keys: those of a directory on this machine, through the
// socket of its server where one has it open, or those of a server far away.
type keysWhere struct {
	Data   string `group:"where" placeholder:"DIR" type:"path" help:"The data directory, served or not (default: ./data, unless a server is named)."`
	Server string `group:"where" placeholder:"URL" help:"Ask this server over HTTP instead, with a key that may manage keys (default: $$FIRN_SERVER)."`
	Key    string `group:"where" name:"api-key" placeholder:"KEY" help:"That key; better in $$FIRN_API_KEY, where other users do not see it."`
}

func (c *keysWhere) open(env *environment, create bool) (*session, error) {
	if c.Data != "" && c.Server != "" {
		return nil, usagef("give --server or --data, not both")
	}
	if c.Data == "" && (c.Server != "" || env.getenv("FIRN_SERVER") != "") {
		return (&connection{Server: c.Server, Key: c.Key}).connect(env)
	}
	dir := c.Data
	if dir == "" {
		dir = "data"
	}
	if err := hasLog(dir); err != nil {
		if !create {
			return nil, err
		}
		if err := makeLog(env, dir); err != nil {
			return nil, err
		}
	}
	s, err := openDirectory(env, dir)
	if errors.Is(err, firn.ErrLocked) {
		if served, dialErr := openServed(dir); dialErr == nil {
			return served, nil
		}
	}
	return s, err
}

// makeLog makes the log of a server that is to begin with keys.
func makeLog(env *environment, dir string) error {
	log, err := firn.Open(dir, firn.Options{})
	if err != nil {
		return explainOpen(dir, err)
	}
	env.say(fmt.Sprintf("there was no log in %s: made one", shortPath(dir)))
	return log.Close()
}

// openServed speaks to the server that has a directory open, as the owner of
// the machine.
func openServed(dir string) (*session, error) {
	a, err := dialAdmin(dir)
	if err != nil {
		return nil, err
	}
	cl, err := client.New("http://localhost", client.Options{HTTP: a.http})
	if err != nil {
		return nil, err
	}
	return &session{client: cl, where: shortPath(dir), local: true, finish: func() error { cl.Close(); return nil }}, nil
}

type keysCreate struct {
	keysWhere
	output
	Name       string        `arg:"" help:"What to tell it by: who or what will use it."`
	Permission []string      `sep:"," placeholder:"NAME" help:"What it may do, one or several (default: everything): ${permissions}."`
	Instance   []string      `short:"i" sep:"none" placeholder:"NAME" help:"Only in this instance, by id or name; may be given again (default: in all, those to come too)."`
	Expires    time.Duration `placeholder:"DURATION" help:"How long it is good for, such as 720h (default: until it is revoked)."`
}

// Run makes a key.
func (c *keysCreate) Run(env *environment) error {
	if c.Expires < 0 {
		return usagef("--expires must be positive")
	}
	wanted := client.NewKey{Name: c.Name, Permissions: c.Permission, Instances: c.Instance}
	if len(wanted.Permissions) == 0 {
		wanted.Permissions = auth.All().Names()
	}
	if c.Expires > 0 {
		at := time.Now().Add(c.Expires)
		wanted.ExpiresAt = &at
	}
	s, err := c.open(env, true)
	if err != nil {
		return err
	}
	defer s.close()
	made, secret, err := s.client.CreateKey(env.ctx, wanted)
	if err != nil {
		return explainKey(s, err)
	}
	for _, w := range made.Warnings {
		env.say(escape(fmt.Sprintf("warning: %s: %s", w.Field, w.Message)))
	}
	if c.form(env) != "table" {
		o := keyJSON(made)
		o.put("key", quote(secret))
		return env.print(c.form(env), nil, []jsontext.Value{o.close()})
	}
	fmt.Fprintln(env.out, secret)
	env.say(fmt.Sprintf("This is the key %s, shown this once: nobody can read it again.", made.Name))
	env.say("Give it to commands with FIRN_API_KEY, to programs as the header Authorization: Bearer.")
	return nil
}

// explainKey explains an error about keys.
func explainKey(s *session, err error) error {
	var a *client.Error
	if !errors.As(err, &a) {
		return s.explain(err, "")
	}
	plain := explainAnswer(a, "")
	switch {
	case a.Code == "forbidden" && !s.local:
		return hint(plain, "On the machine of the server, give its directory: firn keys create NAME --data DIR")
	case a.Status == http.StatusNotFound:
		return hint(errors.New(a.Detail), "`firn keys` lists those there are.")
	}
	return plain
}

type keysList struct {
	keysWhere
	output
	All bool `help:"List revoked and expired keys too."`
}

// Run lists keys, newest first.
func (c *keysList) Run(env *environment) error {
	s, err := c.open(env, false)
	if err != nil {
		return err
	}
	defer s.close()
	keys, err := s.client.Keys(env.ctx)
	if err != nil {
		return explainKey(s, err)
	}
	t := &table{columns: []column{{title: "NAME", max: 40}, {title: "PREFIX"}, {title: "ID", whole: true}, {title: "MAY"}, {title: "INSTANCES", max: 40}, {title: "CREATED"}, {title: "STATE"}}}
	var lines []jsontext.Value
	for _, k := range keys {
		state := keyState(k, time.Now())
		if !c.All && (state == "revoked" || state == "expired") {
			continue
		}
		may, where := strings.Join(k.Permissions, " "), strings.Join(k.Instances, " ")
		if len(k.Permissions) == len(auth.Permissions()) {
			may = "everything"
		}
		if k.Instances == nil {
			where = "all"
		}
		t.add(k.Name, k.Prefix+"…", k.ID, may, where, instant(k.CreatedAt), state)
		o := keyJSON(k)
		lines = append(lines, o.close())
	}
	return env.print(c.form(env), t, lines)
}

func keyState(k client.Key, now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return "expired"
	case k.ExpiresAt != nil:
		return "until " + instant(*k.ExpiresAt)
	default:
		return "good"
	}
}

// keyJSON is a key as the API spells it.
func keyJSON(k client.Key) object {
	o := object{}
	o.put("id", quote(k.ID))
	o.put("name", quote(k.Name))
	o.put("key_prefix", quote(k.Prefix))
	o.put("permissions", quoteAll(k.Permissions))
	o.put("instances", quoteAll(k.Instances))
	o.put("created_at", quote(jsonTime(k.CreatedAt)))
	for _, at := range []struct {
		name  string
		value *time.Time
	}{{"expires_at", k.ExpiresAt}, {"last_used_at", k.LastUsedAt}, {"revoked_at", k.RevokedAt}} {
		value := jsontext.Value("null")
		if at.value != nil {
			value = quote(jsonTime(*at.value))
		}
		o.put(at.name, value)
	}
	return o
}

// quoteAll is an array of strings, null for nil.
func quoteAll(texts []string) jsontext.Value {
	if texts == nil {
		return jsontext.Value("null")
	}
	values := make([]jsontext.Value, len(texts))
	for i, text := range texts {
		values[i] = quote(text)
	}
	return jsonList(values)
}

type keysRevoke struct {
	keysWhere
	Which string `arg:"" name:"key" help:"Its id, its prefix or its name."`
}

// Run revokes a key.
func (c *keysRevoke) Run(env *environment) error {
	s, err := c.open(env, false)
	if err != nil {
		return err
	}
	defer s.close()
	keys, err := s.client.Keys(env.ctx)
	if err != nil {
		return explainKey(s, err)
	}
	k, err := findKey(keys, c.Which)
	if err != nil {
		return err
	}
	if err := s.client.RevokeKey(env.ctx, k.ID); err != nil {
		return explainKey(s, err)
	}
	env.say(fmt.Sprintf("revoked %s (%s…); what was open with it has ended", k.Name, k.Prefix))
	return nil
}

// findKey finds a key that is not revoked yet by its id, else its prefix, else
// its name. Several of that name are an error that tells them apart.
func findKey(keys []client.Key, given string) (client.Key, error) {
	var found []client.Key
	for _, k := range keys {
		if k.ID == given {
			return k, nil
		}
		if k.RevokedAt == nil && (k.Name == given || k.Prefix == strings.TrimSuffix(given, "…")) {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 0:
		return client.Key{}, hint(fmt.Errorf("there is no API key %q", given), "`firn keys` lists those there are.")
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, k := range found {
		ids[i] = k.ID + "  " + k.Prefix + "…  made " + instant(k.CreatedAt)
	}
	return client.Key{}, hint(fmt.Errorf("%d API keys are named %q", len(found), given), "Give the id of the one you mean:\n%s", strings.Join(ids, "\n"))
}
