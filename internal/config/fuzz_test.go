package config

import (
	"os"
	"strings"
	"testing"
)

// FuzzLoad reads any bytes: no panic, and an error or a configuration, of whose
// secrets none is in what is printed.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		testdataFile("whatshooked/config.json"), testdataFile("whatshooked/sqlite.json"),
		"EVENT_LOGGER_NAME: db\ndatabase: {type: mysql, password: 'k3y-k3y-k3y'}\n",
		"targets:\n- {type: postgres, host: h, where: {field: actor, operator: exists}, start: 5, days_to_keep: -1}\n",
		"a: &a [1]\nb: *a\n<<: {}\n? x\n: y\n", "{\"a\": \"\\ud800\"}", "- - - -", "{", "server: {listen: [a:1]}\n---\n",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	builtIn := kinds()
	f.Fuzz(func(t *testing.T, text string, json bool) {
		name := "c.yaml"
		if json {
			name = "c.json"
		}
		c, err := load(Options{File: name, Kinds: builtIn}, []byte(text), nil)
		if err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
		for _, s := range c.Settings() {
			if secret := string(c.Database.Password); len(secret) >= 8 && s.Path == "database.password" && strings.Contains(s.String(), secret) {
				t.Errorf("printed: %s", s)
			}
		}
	})
}

func testdataFile(name string) string {
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		panic(err)
	}
	return string(b)
}
